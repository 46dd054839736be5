/** How often edges between neighbouring columns cross: a column's order is better when they do less. */

interface Cell {
  place: number;
  right: readonly Cell[];
}

/** Returns the crossings of all neighbouring columns together. */
export function crossings(columns: readonly (readonly Cell[])[]): number {
  let sum = 0;
  for (const [at, column] of columns.entries()) {
    const next = columns[at + 1];
    if (next) sum += between(column, next.length);
  }
  return sum;
}

/** Two edges cross when their left ends and their right ends are in opposite order: inversions, counted by a Fenwick tree. */
function between(column: readonly Cell[], nextLength: number): number {
  const tree = new Int32Array(nextLength + 1);
  let seen = 0;
  let sum = 0;
  for (const cell of column) {
    const places = cell.right.map((one) => one.place).sort((one, other) => one - other);
    for (const place of places) sum += seen - upTo(tree, place);
    for (const place of places) {
      for (let at = place + 1; at < tree.length; at += at & -at) tree[at] = (tree[at] ?? 0) + 1;
      seen += 1;
    }
  }
  return sum;
}

function upTo(tree: Int32Array, place: number): number {
  let sum = 0;
  for (let at = place + 1; at > 0; at -= at & -at) sum += tree[at] ?? 0;
  return sum;
}
