/** What a reader looks at stays where it is when rows come above it. */

export interface Anchor {
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
