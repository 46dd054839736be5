/** Bringing a row of a list into sight, below the head that stays on top of the list. */
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
