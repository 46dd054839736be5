/** Parts of a line with their styles, cut where matches of the search begin and end. */
import type { AnsiSpan, AnsiStyle } from "../../parts/ansi";
import type { Range } from "./logSearch";

export interface Piece {
  readonly text: string;
  readonly style?: AnsiStyle | undefined;
  readonly isMark: boolean;
}

export function markedPieces(spans: readonly AnsiSpan[], marks: readonly Range[]): Piece[] {
  const pieces: Piece[] = [];
  let at = 0; // in the line's text
  let next = 0; // the first mark that does not end before `at`
  for (const span of spans) {
    const end = at + span.text.length;
    const begin = at;
    while (at < end) {
      while ((marks[next]?.[1] ?? Number.POSITIVE_INFINITY) <= at) next += 1;
      const [from, to] = marks[next] ?? [end, end];
      const isMark = from <= at;
      const until = Math.min(end, isMark ? to : from);
      pieces.push({ text: shown(span.text.slice(at - begin, until - begin)), style: span.style, isMark });
      at = until;
    }
  }
  return pieces;
}

/** Characters that turn the direction of what follows could make a line read as something else. */
function shown(text: string): string {
  return text.replace(/[\u202a-\u202e]/g, "\ufffd");
}
