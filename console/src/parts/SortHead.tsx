import "./sorthead.css";

interface Props<Sort extends string> {
  /** The title of the column. */
  children: string;
  /** What the list is sorted by when this column is chosen. */
  by: Sort;
  sort: Sort;
  order: "asc" | "desc";
  onSort: (sort: Sort, order: "asc" | "desc") => void;
  isNumber?: boolean;
}

/** The title of a column that sorts its list: first the largest on top, with another click the smallest. */
export function SortHead<Sort extends string>({ children, by, sort, order, onSort, isNumber = false }: Props<Sort>) {
  const isChosen = by === sort;
  const isDescending = order === "desc";
  return (
    <div
      role="columnheader"
      className={isNumber ? "sorthead num" : "sorthead"}
      aria-sort={isChosen ? (isDescending ? "descending" : "ascending") : "none"}
    >
      <button type="button" onClick={() => onSort(by, isChosen && isDescending ? "asc" : "desc")}>
        {children}
        <span aria-hidden="true" className="sorthead-mark">
          {isChosen ? (isDescending ? "↓" : "↑") : ""}
        </span>
      </button>
    </div>
  );
}
