import type { ReactNode } from "react";
import type { Sort } from "./calls";

interface Props {
  of: Sort;
  sort: Sort;
  descending: boolean;
  onSort: (sort: Sort) => void;
  children: ReactNode;
}

/** The title of a column that the list can be sorted by. */
export function SortHead({ of, sort, descending, onSort, children }: Props) {
  const isOn = of === sort;
  return (
    <div
      role="columnheader"
      className={`run-${of} num`}
      aria-sort={isOn ? (descending ? "descending" : "ascending") : undefined}
    >
      <button type="button" className="run-sort" title={`Sort by ${of}`} onClick={() => onSort(of)}>
        {children}
        <span aria-hidden="true">{isOn ? (descending ? " ↓" : " ↑") : null}</span>
      </button>
    </div>
  );
}
