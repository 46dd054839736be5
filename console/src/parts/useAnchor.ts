import type { Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useLayoutEffect, useRef } from "react";
import { type Anchor, movedTo } from "./anchor";

/** Scrolls along when rows come above the first one in sight, unless the list stands at its top: there they are wanted. */
export function useAnchor<Row>(
  virtual: Virtualizer<HTMLDivElement, Element>,
  scroller: RefObject<HTMLDivElement | null>,
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): void {
  const anchor = useRef<(Anchor & { start: number }) | null>(null);
  useLayoutEffect(() => {
    const list = scroller.current;
    const old = anchor.current;
    const index = old ? movedTo(rows, keyOf, old) : null;
    const start = index === null ? undefined : virtual.measurementsCache[index]?.start;
    if (list && old && start !== undefined && list.scrollTop > 0) list.scrollTop += start - old.start;
    const top = list?.scrollTop ?? 0;
    const first = virtual.getVirtualItems().find((item) => item.end > top);
    const row = first && rows[first.index];
    anchor.current =
      first && row ? { key: keyOf(row), index: first.index, length: rows.length, start: first.start } : null;
  });
}
