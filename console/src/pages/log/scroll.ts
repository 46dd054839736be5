/**
 * Where a log is looked at. A view names its first line and how much of that is scrolled away, or sticks to the end; the
 * scroll bar only follows it. So logs can be longer than the highest element a browser allows, and lines can have any
 * height (those that wrap), of which only the ones in sight are measured.
 */

export const ROW_PX = 20;

/** No element is made higher: Firefox cuts at 17.8 million pixels, Chromium at 33.5 million. */
export const MOST_PX = 16_000_000;

export type View = { readonly at: "end" } | { readonly at: "line"; readonly line: number; readonly offset: number };

export interface Sight {
  /** Lines there are. */
  readonly lines: number;
  /** Height of the window onto them. */
  readonly height: number;
  /** Height of a line, as measured or guessed. */
  readonly heightOf: (line: number) => number;
}

export const END: View = { at: "end" };
export const TOP: View = { at: "line", line: 0, offset: 0 };

interface Place {
  line: number;
  offset: number;
}

/** Returns the view `px` further down, or up when negative; it sticks to the end when it gets there. */
export function movedBy(view: View, px: number, sight: Sight): View {
  const place = placeOf(view, sight);
  const moved = px < 0 ? up(place, -px, sight) : down(place, px, sight);
  return px > 0 && isBehind(moved, placeOf(END, sight)) ? END : { at: "line", ...moved };
}

/** Returns the view with `line` in the middle. */
export function around(line: number, sight: Sight): View {
  const wanted = Math.max(0, Math.min(line, sight.lines - 1));
  const place = up({ line: wanted, offset: 0 }, Math.max(0, (sight.height - ROW_PX) / 2), sight);
  return isBehind(place, placeOf(END, sight)) ? END : { at: "line", ...place };
}

/** Returns whether a line is wholly in sight. */
export function isInSight(line: number, view: View, sight: Sight): boolean {
  const { line: first, offset } = placeOf(view, sight);
  if (line < first || (line === first && offset > 0)) return false;
  let bottom = -offset;
  for (let at = first; at <= line && bottom <= sight.height; at += 1) bottom += sight.heightOf(at);
  return bottom <= sight.height;
}

/** Returns the first line in sight. */
export function firstLine(view: View, sight: Sight): number {
  return placeOf(view, sight).line;
}

/** Returns the height of what the scroll bar goes along. */
export function barHeight(lines: number): number {
  return Math.min(MOST_PX, lines * ROW_PX);
}

/** Returns where the scroll bar stands for a view. */
export function barOf(view: View, sight: Sight): number {
  const most = Math.max(0, barHeight(sight.lines) - sight.height);
  if (view.at === "end") return most;
  const part = view.offset / Math.max(1, sight.heightOf(view.line));
  return Math.min(most, ((view.line + part) * ROW_PX) / scale(sight));
}

/** Returns the view that the scroll bar was moved to. */
export function ofBar(bar: number, sight: Sight): View {
  const most = barHeight(sight.lines) - sight.height;
  if (bar >= most - 1) return END;
  const lines = (Math.max(0, bar) * scale(sight)) / ROW_PX;
  const line = Math.min(sight.lines - 1, Math.floor(lines));
  return { at: "line", line, offset: (lines - line) * sight.heightOf(line) };
}

/** How many pixels of lines one pixel of the scroll bar stands for. */
export function scale(sight: Sight): number {
  const most = barHeight(sight.lines) - sight.height;
  return most > 0 ? Math.max(1, (sight.lines * ROW_PX - sight.height) / most) : 1;
}

function placeOf(view: View, sight: Sight): Place {
  if (view.at === "line") return { line: Math.min(view.line, Math.max(0, sight.lines - 1)), offset: view.offset };
  return up({ line: sight.lines, offset: 0 }, sight.height, sight);
}

function up(place: Place, px: number, { heightOf }: Sight): Place {
  let { line, offset } = place;
  offset -= px;
  while (offset < 0 && line > 0) {
    line -= 1;
    offset += heightOf(line);
  }
  return { line, offset: Math.max(0, offset) };
}

function down(place: Place, px: number, { lines, heightOf }: Sight): Place {
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
