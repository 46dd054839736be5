/** Scrolling and selection in virtualized lists. */
import type { Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";

type List = Virtualizer<HTMLDivElement, Element>;

/**
 * Returns whether the row is seen whole; else scrolls until it is, as little as that takes or so that it stands in the middle.
 * Of one that is higher than the list the beginning is shown.
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
 * Brings the chosen row into the middle of the list when it becomes another and is out of sight, and keeps it in sight when
 * it or the list changes its size, until the reader scrolls.
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

/** Returns how high an element is, and what it is to be given as its ref. */
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
  /** Where it stood when it was marked: what stands there is the nearest when the row itself has left. */
  index: number;
}

/** Returns where the marked row stands now; -1 when none is marked or it left. */
export function markedIndex<Row>(rows: readonly Row[], keyOf: (row: Row) => string, mark: Mark | null): number {
  const there = mark ? rows[mark.index] : undefined;
  if (mark && there !== undefined && keyOf(there) === mark.key) return mark.index;
  return mark ? rows.findIndex((row) => keyOf(row) === mark.key) : -1;
}

/** Returns where one step down (1) or up (-1) leads; -1 in an empty list. */
export function indexAfter<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  mark: Mark | null,
  step: 1 | -1,
): number {
  const at = markedIndex(rows, keyOf, mark);
  const left = mark ? mark.index - (step > 0 ? 1 : 0) : -1; // a row that left has the next one in its place
  return Math.min(rows.length - 1, Math.max(0, (at >= 0 ? at : left) + step));
}

interface Anchor {
  /** The first row in sight. */
  key: string;
  index: number;
  /** How many rows there were. */
  length: number;
}

/**
 * Returns where the anchored row stands now, when that is because rows came above it; null when it is where it was, left,
 * or was sorted to another place: nobody wants to be taken there.
 */
export function movedTo<Row>(rows: readonly Row[], keyOf: (row: Row) => string, anchor: Anchor): number | null {
  const added = rows.length - anchor.length;
  for (let index = anchor.index + 1; index <= anchor.index + added; index += 1) {
    const row = rows[index];
    if (row !== undefined && keyOf(row) === anchor.key) return index;
  }
  return null;
}

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
