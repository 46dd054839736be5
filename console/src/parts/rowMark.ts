/** Which row of a list the keys act on: it stays the same row when others come above it or leave. */

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
