import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { around, barOf, END, isInSight, movedBy, ofBar, ROW_PX, type Sight, scale, TOP, type View } from "./scroll";

const COARSE = 2; // from this scale on the browser's own wheel would leap

export interface LogScroll {
  /** The ref of the element that scrolls. */
  readonly scroller: (element: HTMLDivElement | null) => void;
  readonly view: View;
  readonly sight: Sight;
  /** Lines there were when the view let go of the end; null while it sticks to it. */
  readonly letGoAt: number | null;
  readonly goTo: (line: number) => void;
  readonly toEnd: () => void;
  readonly toTop: () => void;
  readonly moveBy: (px: number) => void;
  readonly onScroll: () => void;
  /** Notes how high a line is, of those that wrap; asks only when its content is another. */
  readonly measure: (line: number, content: unknown, height: () => number) => void;
}

type Heights = Map<number, { content: unknown; px: number }>;

/** The view onto a log of `lines` lines, and how wheel, keys and scroll bar move it. */
export function useLogScroll(lines: number, wraps: boolean): LogScroll {
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const [view, setView] = useState<View>(TOP);
  const [letGoAt, setLetGoAt] = useState<number | null>(0);
  const { height, width } = useSize(element);
  const heights = useHeights(wraps, width);
  const bar = useRef(0); // where we put the scroll bar: its event is none of a person's
  const sight: Sight = { lines, height, heightOf: wraps ? (line) => heights.get(line)?.px ?? ROW_PX : () => ROW_PX };
  const latest = useRef({ view, sight });
  latest.current = { view, sight };

  const show = useCallback((next: View) => {
    const before = latest.current.view;
    latest.current = { ...latest.current, view: next };
    setView(next);
    if (next.at === "end") setLetGoAt(null);
    else if (before.at === "end") setLetGoAt(latest.current.sight.lines);
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
    // Of a box that became higher the browser moves the bar itself, maybe before we are told of the box's new height.
    show(at >= scrollHeight - clientHeight - 1 ? END : ofBar(at, latest.current.sight));
  }, [element, show]);

  useLayoutEffect(() => {
    if (!element) return;
    const wanted = barOf(view, latest.current.sight);
    if (Math.abs(bar.current - wanted) <= 1) return;
    bar.current = wanted; // asking where it got to would lay the page out once more in every frame
    element.scrollTop = wanted;
  });
  useOwnWheel(element, wraps || scale(sight) > COARSE, moveBy);
  return {
    scroller: setElement,
    view,
    sight,
    letGoAt,
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

/** Heights of wrapped lines, as long as nothing changes how they wrap. */
function useHeights(wraps: boolean, width: number): Heights {
  const kept = useRef({ wraps, width, heights: new Map() as Heights });
  if (kept.current.wraps !== wraps || kept.current.width !== width) kept.current = { wraps, width, heights: new Map() };
  return kept.current.heights;
}

/** Moves by the pixels of the wheel where the scroll bar is not to the pixel. */
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
