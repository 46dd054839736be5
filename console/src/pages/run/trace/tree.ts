/**
 * The tree of a run's actions, as plain arrays: ten thousand of them are built in a few milliseconds. It is whole whatever
 * was told: children of parents not heard of yet stand apart at the end, and a ring of parents is opened at its first row.
 */
import type { Row } from "../../../api/recording";

export interface Tree {
  readonly rows: readonly Row[];
  /** Rows' indexes, parents before their children, children in the order they started. */
  readonly order: Int32Array;
  /** How deep the row at a place of `order` stands. */
  readonly depth: Int32Array;
  /** The place behind the last descendant of the row at a place. */
  readonly end: Int32Array;
  /** The place from which on stand those that wait for their parents; the length of `order` where none does. */
  readonly orphansFrom: number;
  /** How many of these themselves wait for a parent; the others stand below them. */
  readonly orphanCount: number;
}

const ROOT = -1;
const ORPHAN = -2;

export function treeOf(rows: readonly Row[]): Tree {
  const parents = withoutCycles(parentsOf(rows));
  const { first, next } = childrenOf(parents);
  const order = new Int32Array(rows.length);
  const depth = new Int32Array(rows.length);
  const end = new Int32Array(rows.length);
  let size = 0;
  const open: number[] = []; // places of the ancestors of what comes next

  function grow(root: number): void {
    let row = root;
    while (row !== ROOT) {
      order[size] = row;
      depth[size] = open.length;
      const child = first[row] ?? ROOT;
      open.push(size);
      size += 1;
      row = child === ROOT ? nextUp() : child;
    }
  }
  /** Closes what is done, and returns the next row: a sibling of the last or of an ancestor of it, of this root. */
  function nextUp(): number {
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      end[place] = size;
      const sibling = open.length > 0 ? (next[order[place] ?? 0] ?? ROOT) : ROOT;
      if (sibling !== ROOT) return sibling;
    }
    return ROOT;
  }

  for (let row = 0; row < rows.length; row += 1) if (parents[row] === ROOT) grow(row);
  const orphansFrom = size;
  let orphanCount = 0;
  for (let row = 0; row < rows.length; row += 1) {
    if (parents[row] !== ORPHAN) continue;
    orphanCount += 1;
    grow(row);
  }
  return { rows, order, depth, end, orphansFrom, orphanCount };
}

function parentsOf(rows: readonly Row[]): Int32Array {
  const places = new Map<number, number>();
  rows.forEach((row, at) => {
    if (!places.has(row.number)) places.set(row.number, at); // of two with one number the first has the children
  });
  return Int32Array.from(rows, ({ parent }) => (parent === 0 ? ROOT : (places.get(parent) ?? ORPHAN)));
}

/** Makes the first row of each ring of parents a root; what hangs on the ring stays below it. */
function withoutCycles(parents: Int32Array): Int32Array {
  const walk = new Int32Array(parents.length); // which walk came by: 0 none
  for (let start = 0; start < parents.length; start += 1) {
    let row = start;
    while (row >= 0 && walk[row] === 0) {
      walk[row] = start + 1;
      row = parents[row] ?? ROOT;
    }
    if (row >= 0 && walk[row] === start + 1) parents[firstOfCycle(parents, row)] = ROOT;
  }
  return parents;
}

function firstOfCycle(parents: Int32Array, from: number): number {
  let first = from;
  for (let row = parents[from] ?? from; row !== from; row = parents[row] ?? from) first = Math.min(first, row);
  return first;
}

/** Returns each row's first child and next sibling, -1 for none, in the order of the rows. */
function childrenOf(parents: Int32Array): { first: Int32Array; next: Int32Array } {
  const first = new Int32Array(parents.length).fill(ROOT);
  const next = new Int32Array(parents.length).fill(ROOT);
  for (let row = parents.length - 1; row >= 0; row -= 1) {
    const parent = parents[row] ?? ROOT;
    if (parent < 0) continue;
    next[row] = first[parent] ?? ROOT;
    first[parent] = row;
  }
  return { first, next };
}

/** Stands for the line above those that wait for their parents. */
export const ORPHANS = -1;

/** Returns the places that are shown while the descendants of `folded` ids are not; ORPHANS stands before the orphans. */
export function shownPlaces(tree: Tree, folded: ReadonlySet<string>): number[] {
  const shown: number[] = [];
  for (let place = 0; place < tree.order.length; ) {
    if (place === tree.orphansFrom) shown.push(ORPHANS);
    shown.push(place);
    place = folded.has(rowAt(tree, place).id) ? (tree.end[place] ?? place + 1) : place + 1;
  }
  return shown;
}

/** Returns what tells the row at a place from all others, however the tree grows. */
export function keyOf(tree: Tree, place: number): string {
  return place === ORPHANS ? "orphans" : `${rowAt(tree, place).id} ${rowAt(tree, place).number}`;
}

export function rowAt(tree: Tree, place: number): Row {
  return tree.rows[tree.order[place] ?? 0] as Row;
}

export function hasChildren(tree: Tree, place: number): boolean {
  return (tree.end[place] ?? 0) > place + 1;
}

/** Returns the place of the parent of the row at a place; -1 where it has none. */
export function parentPlace(tree: Tree, place: number): number {
  const depth = tree.depth[place] ?? 0;
  if (depth === 0) return -1;
  let at = place - 1;
  while ((tree.depth[at] ?? 0) >= depth) at -= 1;
  return at;
}

/** Returns the name of the innermost agent that the row at a place stands below; null where there is none. */
export function agentAbove(tree: Tree, place: number): string | null {
  for (let at = parentPlace(tree, place); at >= 0; at = parentPlace(tree, at)) {
    if (rowAt(tree, at).kind === "agent") return rowAt(tree, at).name;
  }
  return null;
}

/** Returns the ids of the ancestors of a row, so that they can be unfolded. */
export function ancestorsOf(tree: Tree, place: number): string[] {
  const ids: string[] = [];
  for (let at = parentPlace(tree, place); at >= 0; at = parentPlace(tree, at)) ids.push(rowAt(tree, at).id);
  return ids;
}

/** Returns the microseconds of the action at a place in which none of its children ran. */
export function selfTime(tree: Tree, place: number, nowUs: number): number {
  const own = rowAt(tree, place);
  const end = endOfRow(own, nowUs);
  let covered = 0;
  let until = own.startUs;
  for (const child of childPlaces(tree, place)) {
    const row = rowAt(tree, child);
    const from = Math.max(until, Math.min(row.startUs, end));
    const to = Math.min(endOfRow(row, nowUs), end);
    if (to > from) covered += to - from;
    until = Math.max(until, to);
  }
  return Math.max(0, end - own.startUs - covered);
}

/**
 * Returns the ids on the critical path: from the end of the run backwards, always the one that ended last before the one
 * behind it began; shortening another shortens nothing.
 */
export function criticalPath(tree: Tree, nowUs: number): Set<string> {
  const found = new Set<string>();
  const todo: [places: number[], until: number][] = [[rootPlaces(tree), Number.POSITIVE_INFINITY]];
  for (let next = todo.pop(); next; next = todo.pop()) {
    let [places, until] = next;
    const latestFirst = places
      .map((place) => ({ place, row: rowAt(tree, place) }))
      .sort((one, other) => endOfRow(other.row, nowUs) - endOfRow(one.row, nowUs) || one.place - other.place);
    for (const { place, row } of latestFirst) {
      const end = endOfRow(row, nowUs);
      if (end > until || end === row.startUs) continue; // it ran beside, or took no time
      found.add(row.id);
      todo.push([childPlaces(tree, place), end]);
      until = row.startUs;
    }
  }
  return found;
}

function rootPlaces(tree: Tree): number[] {
  const places: number[] = [];
  for (let place = 0; place < tree.orphansFrom; place = tree.end[place] ?? place + 1) places.push(place);
  return places;
}

function childPlaces(tree: Tree, place: number): number[] {
  const places: number[] = [];
  for (let at = place + 1; at < (tree.end[place] ?? 0); at = tree.end[at] ?? at + 1) places.push(at);
  return places;
}

function endOfRow(row: Row, nowUs: number): number {
  return row.durationUs === null ? Math.max(nowUs, row.startUs) : row.startUs + row.durationUs;
}
