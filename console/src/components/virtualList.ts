/** Scrolling and selection in virtualized lists. */
import type { Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";

type List = Virtualizer<HTMLDivElement, Element>;

/**
 * Scrolls a row into view, to the centre with `align`; returns whether it already was. Of a row higher than the list,
 * its beginning is shown.
 */
export function bringIntoSight(virtual: List, index: number, align: "auto" | "center" = "auto"): boolean {
  const item = virtual.measurementsCache[index];
  const head = virtual.options.scrollPaddingStart;
  const top = virtual.scrollOffset ?? 0;
  const height = virtual.scrollRect?.height ?? 0;
  if (item && item.start >= top + head && item.end <= top + height) return true;
  virtual.scrollToIndex(index, { align: item && item.size > height - head ? "start" : align });
  return false;
}

/**
 * Scrolls the selected row to the centre when the selection changes, and keeps it in view when the row or list changes
 * size, until the user scrolls.
 */
export function useChosenInSight(
  virtual: List,
  scroller: RefObject<HTMLElement | null>,
  chosen: string | null,
  index: number,
): void {
  const isHeld = useRef(true);
  const brought = useRef<string | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another choice is held again
  useLayoutEffect(() => {
    isHeld.current = true;
  }, [chosen]);
  useEffect(() => {
    const list = scroller.current;
    const letGo = () => {
      isHeld.current = false;
    };
    for (const kind of SCROLLING) list?.addEventListener(kind, letGo, { passive: true });
    return () => {
      for (const kind of SCROLLING) list?.removeEventListener(kind, letGo);
    };
  }, [scroller]);
  const { width, height } = virtual.scrollRect ?? {};
  const { start, end } = virtual.measurementsCache[index] ?? {};
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever of these changes can move the row out of sight
  useEffect(() => {
    if (index < 0 || !height || !isHeld.current) return;
    if (bringIntoSight(virtual, index, brought.current === chosen ? "auto" : "center")) brought.current = chosen;
  }, [chosen, index, virtual, width, height, start, end]);
}

const SCROLLING = ["wheel", "touchmove", "pointerdown", "keydown"];

/** Returns an element's height, and the ref to measure it. */
export function useHeight(): [number, RefObject<HTMLDivElement | null>] {
  const element = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    const measured = element.current;
    if (!measured) return;
    const observer = new ResizeObserver(() => setHeight(measured.offsetHeight));
    observer.observe(measured);
    setHeight(measured.offsetHeight);
    return () => observer.disconnect();
  }, []);
  return [height, element];
}

export interface Mark {
  key: string;
  /** Its last position, for when the row itself is gone. */
  index: number;
}

/** Returns the position of the marked row; -1 without one. */
export function markedIndex<Row>(rows: readonly Row[], keyOf: (row: Row) => string, mark: Mark | null): number {
  const there = mark ? rows[mark.index] : undefined;
  if (mark && there !== undefined && keyOf(there) === mark.key) return mark.index;
  return mark ? rows.findIndex((row) => keyOf(row) === mark.key) : -1;
}

/** Returns the position one step down (1) or up (-1); -1 in an empty list. */
export function indexAfter<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  mark: Mark | null,
  step: 1 | -1,
): number {
  const at = markedIndex(rows, keyOf, mark);
  const left = mark ? mark.index - (step > 0 ? 1 : 0) : -1; // the next row took the place of the one that left
  return Math.min(rows.length - 1, Math.max(0, (at >= 0 ? at : left) + step));
}

interface Anchor {
  /** The first visible row. */
  key: string;
  index: number;
  /** The number of rows. */
  length: number;
}

/**
 * Returns the new position of the anchored row when rows were added above it; null otherwise, also when it was sorted
 * elsewhere.
 */
export function movedTo<Row>(rows: readonly Row[], keyOf: (row: Row) => string, anchor: Anchor): number | null {
  const added = rows.length - anchor.length;
  for (let index = anchor.index + 1; index <= anchor.index + added; index += 1) {
    const row = rows[index];
    if (row !== undefined && keyOf(row) === anchor.key) return index;
  }
  return null;
}

/** Keeps the visible rows in place when rows are added above, unless the list is scrolled to the top. */
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
