/** A table of any length: only the rows on the screen are in the document. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useMoveKeys } from "./keyboard";
import {
  bringIntoSight,
  indexAfter,
  type Mark,
  markedIndex,
  useAnchor,
  useChosenInSight,
  useHeight,
} from "./virtualList";

interface Props<Row> {
  label: string;
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** The cells of a row, matching `columns`. */
  children: (row: Row, index: number) => ReactNode;
  /** The column titles; none without a head. */
  head?: ReactNode;
  /** CSS grid columns of the head and the rows. */
  columns: string;
  onOpen?: (row: Row) => void;
  /** Toggles a row's details (`x`). */
  onToggle?: (row: Row) => void;
  /** The details below a row, if any. */
  details?: (row: Row) => ReactNode;
  /** Called when the last rows are near. */
  onEnd?: (() => void) | undefined;
  isLoadingMore?: boolean;
  rowHeight?: number;
  /** The key of the row that is open elsewhere on the page: it is marked, and scrolled into view when it changes. */
  chosen?: string | null;
}

const OVERSCAN_ROWS = 8;

/** A virtualized table. `j` and `k` move, Enter opens, `x` expands. It scrolls itself, so give it a height. */
export function VirtualTable<Row>(props: Props<Row>) {
  const { rows, keyOf, columns, onEnd, rowHeight = 40 } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<Mark | null>(null);
  const marked = useRef(shown); // the row that keys act on: the next key may come before a render
  function mark(index: number): void {
    marked.current = { key: keyOf(rows[index] as Row), index };
    setShown(marked.current);
  }
  const at = markedIndex(rows, keyOf, shown);
  const latestKey = useRef(keyOf);
  latestKey.current = keyOf;
  // Stable while the rows are the same: the virtualizer measures all rows again for a new function.
  const getItemKey = useCallback((index: number) => latestKey.current(rows[index] as Row), [rows]);
  const [headHeight, head] = useHeight();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN_ROWS,
    scrollMargin: headHeight,
    scrollPaddingStart: headHeight,
    getItemKey,
  });
  const { chosen = null } = props;
  const chosenIndex = useMemo(
    () => (chosen === null ? -1 : rows.findIndex((row) => latestKey.current(row) === chosen)),
    [rows, chosen],
  );
  const markChosen = useRef<() => void>(undefined);
  markChosen.current = () => {
    if (chosenIndex >= 0) mark(chosenIndex);
  };
  useEffect(() => {
    if (chosen !== null) markChosen.current?.();
  }, [chosen]);
  useChosenInSight(virtual, scroller, chosen, chosenIndex);
  const items = virtual.getVirtualItems();
  useAnchor(virtual, scroller, rows, keyOf);
  const last = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (onEnd && last >= rows.length - 1 - OVERSCAN_ROWS) onEnd();
  }, [last, rows.length, onEnd]);
  useMoveKeys((step) => {
    if (!takesKeys(scroller.current)) return;
    const next = indexAfter(rows, keyOf, marked.current, step);
    if (next < 0) return;
    mark(next);
    bringIntoSight(virtual, next);
    if (!focusRow(scroller.current, next)) {
      window.requestAnimationFrame(() => focusRow(scroller.current, marked.current?.index ?? next));
    }
  });
  function onKey(event: KeyboardEvent<HTMLDivElement>): void {
    const row = rows[markedIndex(rows, keyOf, marked.current)];
    if (!row || !(event.target as HTMLElement).matches(".rowlist, .rowlist-row")) return;
    if (event.key === "Enter" && props.onOpen) props.onOpen(row);
    else if (event.key === "x" && props.onToggle) props.onToggle(row);
    else return;
    event.preventDefault();
  }
  return (
    <div
      className="rowlist"
      ref={scroller}
      role="table"
      aria-label={props.label}
      aria-rowcount={rows.length}
      tabIndex={0}
      onKeyDown={onKey}
    >
      {props.head ? (
        <div ref={head} className="rowlist-head" role="row" style={{ gridTemplateColumns: columns }}>
          {props.head}
        </div>
      ) : null}
      <div className="rowlist-body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index] as Row;
          return (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              className="rowlist-item"
              role="presentation"
              style={{ transform: `translateY(${item.start - headHeight}px)` }}
            >
              <OneRow
                {...props}
                row={row}
                index={item.index}
                isAt={item.index === at}
                onFocus={() => mark(item.index)}
              />
            </div>
          );
        })}
      </div>
      {props.isLoadingMore ? <div className="rowlist-more faint">Loading more …</div> : null}
    </div>
  );
}

interface OneRowProps<Row> extends Props<Row> {
  row: Row;
  index: number;
  isAt: boolean;
  onFocus: () => void;
}

function OneRow<Row>(props: OneRowProps<Row>) {
  const { row, index, isAt, columns, children, details, onOpen, onFocus, keyOf, chosen } = props;
  const unfolded = details?.(row);
  return (
    <>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys */}
      <div
        className="rowlist-row"
        role="row"
        aria-rowindex={index + 1}
        tabIndex={isAt ? 0 : -1}
        data-at={isAt || undefined}
        data-opens={onOpen ? "" : undefined}
        data-chosen={(chosen && keyOf(row) === chosen) || undefined}
        style={{ gridTemplateColumns: columns }}
        onFocus={onFocus}
        onClick={(event) => {
          if (onOpen && !(event.target as HTMLElement).closest("a, button, input")) onOpen(row);
        }}
      >
        {children(row, index)}
      </div>
      {unfolded ? (
        <div role="row" className="rowlist-details">
          <div role="cell">{unfolded}</div>
        </div>
      ) : null}
    </>
  );
}

/** A cell or, with `head`, a column title. */
export function Cell({
  children,
  head = false,
  className,
}: {
  children?: ReactNode;
  head?: boolean;
  className?: string;
}) {
  return (
    <div role={head ? "columnheader" : "cell"} className={className ?? "truncate"}>
      {children}
    </div>
  );
}

/** Focuses a row; returns whether it is rendered. */
function focusRow(list: Element | null, index: number): boolean {
  const row = list?.querySelector<HTMLElement>(`[data-index="${index}"] .rowlist-row`);
  row?.focus({ preventScroll: true }); // the list scrolls itself, below its sticky head
  return Boolean(row);
}

/** Returns whether this list handles keys: of several on a page, the one with the focus or the first. */
function takesKeys(list: Element | null): boolean {
  const lists = [...document.querySelectorAll(".rowlist")];
  return list === (lists.find((one) => one.contains(document.activeElement)) ?? lists[0]);
}

interface SortHeadProps<Sort extends string> {
  children: string;
  /** The sort order that this column selects. */
  by: Sort;
  sort: Sort;
  order: "asc" | "desc";
  onSort: (sort: Sort, order: "asc" | "desc") => void;
  isNumber?: boolean;
}

/** A column title that sorts its list: descending first, ascending with another click. */
export function SortHead<Sort extends string>({
  children,
  by,
  sort,
  order,
  onSort,
  isNumber = false,
}: SortHeadProps<Sort>) {
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
