/** Lines as the URL names them: `12` or `12-40`, counted from 1. */

export interface LineRange {
  readonly from: number;
  readonly to: number;
}

/** Returns the lines, or null where the text names none. */
export function lineRangeOf(text: string | null): LineRange | null {
  const found = /^\s*L?(\d{1,10})(?:\s*-\s*L?(\d{1,10}))?\s*$/i.exec(text ?? "");
  if (!found) return null;
  const first = Number(found[1]);
  const second = Number(found[2] ?? found[1]);
  if (first < 1 || second < 1) return null;
  return { from: Math.min(first, second), to: Math.max(first, second) };
}

export function textOfRange({ from, to }: LineRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** Returns the lines that are chosen after a click on a line: with Shift, all from the first chosen one to it. */
export function rangeAfterClick(old: LineRange | null, line: number, withShift: boolean): LineRange {
  if (!withShift || !old) return { from: line, to: line };
  return { from: Math.min(old.from, line), to: Math.max(line, old.from) };
}
