/**
 * The scroll position of a log: its first line and how much of that is scrolled away, or the end. The scroll bar
 * follows it. So logs may be longer than the highest element of a browser, and wrapped lines may have any height,
 * measured only when visible.
 */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

export const ROW_PX = 20;

/** Browsers limit heights: Firefox to 17.8 million pixels, Chromium to 33.5 million. */
export const MOST_PX = 16_000_000;

export type View = { readonly at: "end" } | { readonly at: "line"; readonly line: number; readonly offset: number };

export interface Viewport {
  /** The number of lines. */
  readonly lines: number;
  /** The height of the window. */
  readonly height: number;
  /** The height of a line, measured or estimated. */
  readonly heightOf: (line: number) => number;
}

export const END: View = { at: "end" };
export const TOP: View = { at: "line", line: 0, offset: 0 };

interface Place {
  line: number;
  offset: number;
}

/** Returns the view `px` further down, or up when negative; at the bottom it follows the end. */
export function movedBy(view: View, px: number, viewport: Viewport): View {
  const place = placeOf(view, viewport);
  const moved = px < 0 ? up(place, -px, viewport) : down(place, px, viewport);
  return px > 0 && isBehind(moved, placeOf(END, viewport)) ? END : { at: "line", ...moved };
}

/** Returns the view with `line` in the centre. */
export function around(line: number, viewport: Viewport): View {
  const wanted = Math.max(0, Math.min(line, viewport.lines - 1));
  const place = up({ line: wanted, offset: 0 }, Math.max(0, (viewport.height - ROW_PX) / 2), viewport);
  return isBehind(place, placeOf(END, viewport)) ? END : { at: "line", ...place };
}

/** Returns whether a line is fully visible. */
export function isInSight(line: number, view: View, viewport: Viewport): boolean {
  const { line: first, offset } = placeOf(view, viewport);
  if (line < first || (line === first && offset > 0)) return false;
  let bottom = -offset;
  for (let at = first; at <= line && bottom <= viewport.height; at += 1) bottom += viewport.heightOf(at);
  return bottom <= viewport.height;
}

/** Returns the first visible line. */
export function firstLine(view: View, viewport: Viewport): number {
  return placeOf(view, viewport).line;
}

/** Returns the height of the scrolled element. */
export function barHeight(lines: number): number {
  return Math.min(MOST_PX, lines * ROW_PX);
}

/** Returns the scroll bar's position for a view. */
export function barOf(view: View, viewport: Viewport): number {
  const most = Math.max(0, barHeight(viewport.lines) - viewport.height);
  if (view.at === "end") return most;
  const part = view.offset / Math.max(1, viewport.heightOf(view.line));
  return Math.min(most, ((view.line + part) * ROW_PX) / scale(viewport));
}

/** Returns the view for a scroll bar position. */
export function ofBar(bar: number, viewport: Viewport): View {
  const most = barHeight(viewport.lines) - viewport.height;
  if (bar >= most - 1) return END;
  const lines = (Math.max(0, bar) * scale(viewport)) / ROW_PX;
  const line = Math.min(viewport.lines - 1, Math.floor(lines));
  return { at: "line", line, offset: (lines - line) * viewport.heightOf(line) };
}

/** Returns the pixels of lines per pixel of the scroll bar. */
function scale(viewport: Viewport): number {
  const most = barHeight(viewport.lines) - viewport.height;
  return most > 0 ? Math.max(1, (viewport.lines * ROW_PX - viewport.height) / most) : 1;
}

function placeOf(view: View, viewport: Viewport): Place {
  if (view.at === "line") return { line: Math.min(view.line, Math.max(0, viewport.lines - 1)), offset: view.offset };
  return up({ line: viewport.lines, offset: 0 }, viewport.height, viewport);
}

function up(place: Place, px: number, { heightOf }: Viewport): Place {
  let { line, offset } = place;
  offset -= px;
  while (offset < 0 && line > 0) {
    line -= 1;
    offset += heightOf(line);
  }
  return { line, offset: Math.max(0, offset) };
}

function down(place: Place, px: number, { lines, heightOf }: Viewport): Place {
  let { line, offset } = place;
  offset += px;
  while (line < lines - 1 && offset >= heightOf(line)) {
    offset -= heightOf(line);
    line += 1;
  }
  return { line, offset };
}

function isBehind(place: Place, end: Place): boolean {
  return place.line > end.line || (place.line === end.line && place.offset >= end.offset - 0.5);
}

const COARSE = 2; // from this scale on the browser's wheel would jump

export interface LogScroll {
  /** The ref of the scrolling element. */
  readonly scroller: (element: HTMLDivElement | null) => void;
  readonly view: View;
  readonly viewport: Viewport;
  /** The number of lines when the view left the end; null while it follows it. */
  readonly releasedAt: number | null;
  readonly goTo: (line: number) => void;
  readonly toEnd: () => void;
  readonly toTop: () => void;
  readonly moveBy: (px: number) => void;
  readonly onScroll: () => void;
  /** Records the height of a wrapped line when its content changed. */
  readonly measure: (line: number, content: unknown, height: () => number) => void;
}

type Heights = Map<number, { content: unknown; px: number }>;

/** The view onto a log of `lines` lines, moved by wheel, keys and scroll bar. */
export function useLogScroll(lines: number, wraps: boolean): LogScroll {
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const [view, setView] = useState<View>(TOP);
  const [releasedAt, setReleasedAt] = useState<number | null>(0);
  const { height, width } = useSize(element);
  const heights = useHeights(wraps, width);
  const bar = useRef(0); // our own scroll bar position, to ignore its event
  const viewport: Viewport = {
    lines,
    height,
    heightOf: wraps ? (line) => heights.get(line)?.px ?? ROW_PX : () => ROW_PX,
  };
  const latest = useRef({ view, sight: viewport });
  latest.current = { view, sight: viewport };

  const show = useCallback((next: View) => {
    const before = latest.current.view;
    latest.current = { ...latest.current, view: next };
    setView(next);
    if (next.at === "end") setReleasedAt(null);
    else if (before.at === "end") setReleasedAt(latest.current.sight.lines);
  }, []);
  const moveBy = useCallback((px: number) => show(movedBy(latest.current.view, px, latest.current.sight)), [show]);
  const goTo = useCallback(
    (line: number) => {
      const { view: now, sight: seen } = latest.current;
      if (!isInSight(line, now, seen)) show(around(line, seen));
    },
    [show],
  );
  const onScroll = useCallback(() => {
    if (!element) return;
    const { scrollTop: at, scrollHeight, clientHeight } = element;
    if (Math.abs(at - bar.current) <= 1) return;
    bar.current = at;
    // When the box grows the browser moves the bar, maybe before we know the new height.
    show(at >= scrollHeight - clientHeight - 1 ? END : ofBar(at, latest.current.sight));
  }, [element, show]);

  useLayoutEffect(() => {
    if (!element) return;
    const wanted = barOf(view, latest.current.sight);
    if (Math.abs(bar.current - wanted) <= 1) return;
    bar.current = wanted; // reading it back would force a layout in every frame
    element.scrollTop = wanted;
  });
  useOwnWheel(element, wraps || scale(viewport) > COARSE, moveBy);
  return {
    scroller: setElement,
    view,
    viewport,
    releasedAt,
    goTo,
    moveBy,
    onScroll,
    toEnd: useCallback(() => show(END), [show]),
    toTop: useCallback(() => show(TOP), [show]),
    measure: useCallback(
      (line, content, px) => {
        if (content !== undefined && heights.get(line)?.content !== content) heights.set(line, { content, px: px() });
      },
      [heights],
    ),
  };
}

function useSize(watched: HTMLElement | null): { height: number; width: number } {
  const [size, setSize] = useState({ height: 0, width: 0 });
  useLayoutEffect(() => {
    if (!watched) return undefined;
    const look = () => setSize({ height: watched.clientHeight, width: watched.clientWidth });
    const observer = new ResizeObserver(look);
    observer.observe(watched);
    look();
    return () => observer.disconnect();
  }, [watched]);
  return size;
}

/** Heights of wrapped lines while nothing changes how they wrap. */
function useHeights(wraps: boolean, width: number): Heights {
  const kept = useRef({ wraps, width, heights: new Map() as Heights });
  if (kept.current.wraps !== wraps || kept.current.width !== width) kept.current = { wraps, width, heights: new Map() };
  return kept.current.heights;
}

/** Scrolls by the wheel's pixels where the scroll bar is too coarse. */
function useOwnWheel(element: HTMLElement | null, isOwn: boolean, moveBy: (px: number) => void): void {
  useEffect(() => {
    if (!element || !isOwn) return undefined;
    function onWheel(event: WheelEvent): void {
      if (event.ctrlKey || event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
      event.preventDefault();
      const unit = [1, ROW_PX, element?.clientHeight ?? 0][event.deltaMode] ?? 1;
      moveBy(event.deltaY * unit);
    }
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, [element, isOwn, moveBy]);
}
