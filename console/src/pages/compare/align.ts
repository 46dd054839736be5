/** Aligns the calls of two runs by name and order, with a minimal number of unmatched calls. */

/** Positions in the two runs; null where one run has no such call. */
interface Pair {
  a: number | null;
  b: number | null;
}

interface Alignment {
  pairs: Pair[];
  /** Too many differences: nothing was matched between the common beginning and end. */
  isCut: boolean;
}

const MOST_EDITS = 1000; // they take half a million steps of memory; runs that differ more have little in common

/** Returns the aligned calls of both (Myers, "An O(ND) Difference Algorithm", 1986). */
export function align(a: readonly string[], b: readonly string[], most = MOST_EDITS): Alignment {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let endA = a.length;
  let endB = b.length;
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA -= 1;
    endB -= 1;
  }
  const middle = between(a.slice(start, endA), b.slice(start, endB), most);
  const pairs: Pair[] = [];
  for (let at = 0; at < start; at += 1) pairs.push({ a: at, b: at });
  for (const pair of middle ?? apart(endA - start, endB - start)) {
    pairs.push({ a: pair.a === null ? null : pair.a + start, b: pair.b === null ? null : pair.b + start });
  }
  for (let at = 0; endA + at < a.length; at += 1) pairs.push({ a: endA + at, b: endB + at });
  return { pairs, isCut: middle === null };
}

/** Searches with an increasing number of edits; null when `most` is not enough. */
function between(a: readonly string[], b: readonly string[], most: number): Pair[] | null {
  const furthest = new Map<number, number>([[1, 0]]); // diagonal x - y to the largest x reached on it
  const history: Map<number, number>[] = [];
  for (let edits = 0; edits <= Math.min(most, a.length + b.length); edits += 1) {
    const reached = new Map<number, number>();
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = stepTo(furthest, diagonal, edits);
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x += 1;
      reached.set(diagonal, x);
      furthest.set(diagonal, x);
      if (x < a.length || x - diagonal < b.length) continue;
      history.push(reached);
      return walkBack(history, a.length, b.length);
    }
    history.push(reached);
  }
  return null;
}

/** Returns x after the step onto a diagonal: from above (a call of b alone) or from the left (a call of a). */
function stepTo(furthest: ReadonlyMap<number, number>, diagonal: number, edits: number): number {
  const above = furthest.get(diagonal + 1) ?? -1;
  const left = furthest.get(diagonal - 1) ?? -1;
  return diagonal === -edits || (diagonal !== edits && left < above) ? above : left + 1;
}

function walkBack(history: readonly ReadonlyMap<number, number>[], endX: number, endY: number): Pair[] {
  const pairs: Pair[] = [];
  let x = endX;
  let y = endY;
  for (let edits = history.length - 1; edits > 0; edits -= 1) {
    const before = history[edits - 1] as ReadonlyMap<number, number>;
    const diagonal = x - y;
    const isFromAbove =
      diagonal === -edits ||
      (diagonal !== edits && (before.get(diagonal - 1) ?? -1) < (before.get(diagonal + 1) ?? -1));
    const fromDiagonal = isFromAbove ? diagonal + 1 : diagonal - 1;
    const fromX = before.get(fromDiagonal) ?? 0;
    const fromY = fromX - fromDiagonal;
    while (x > fromX && y > fromY && x - 1 >= (isFromAbove ? fromX : fromX + 1)) {
      x -= 1;
      y -= 1;
      pairs.push({ a: x, b: y });
    }
    pairs.push(isFromAbove ? { a: null, b: fromY } : { a: fromX, b: null });
    x = fromX;
    y = fromY;
  }
  while (x > 0) {
    x -= 1;
    y -= 1;
    pairs.push({ a: x, b: y });
  }
  return pairs.reverse();
}

function apart(lengthA: number, lengthB: number): Pair[] {
  return [
    ...Array.from({ length: lengthA }, (_, at): Pair => ({ a: at, b: null })),
    ...Array.from({ length: lengthB }, (_, at): Pair => ({ a: null, b: at })),
  ];
}
