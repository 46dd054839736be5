/**
 * The tree of a run's actions as flat arrays: ten thousand actions take a few milliseconds. It is complete for any
 * input: children of unreported parents come last, and a cycle of parents is broken at its first row.
 */
import type { Row } from "../../../api/recording";

export interface Tree {
  readonly rows: readonly Row[];
  /** Row indexes, parents before children, siblings by start. */
  readonly order: Int32Array;
  /** The depth of the row at each place. */
  readonly depth: Int32Array;
  /** The place after the last descendant of the row at each place. */
  readonly end: Int32Array;
  /** The first place of rows with unreported parents; the length of `order` without any. */
  readonly orphansFrom: number;
  /** The number of rows with unreported parents, without their descendants. */
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
  const open: number[] = []; // places of the ancestors of the next row

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
  /** Closes finished rows and returns the next one: a sibling of the last row or of its ancestors. */
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
    if (!places.has(row.number)) places.set(row.number, at); // of two rows with one number the first gets the children
  });
  return Int32Array.from(rows, ({ parent }) => (parent === 0 ? ROOT : (places.get(parent) ?? ORPHAN)));
}

/** Makes the first row of each cycle of parents a root. */
function withoutCycles(parents: Int32Array): Int32Array {
  const walk = new Int32Array(parents.length); // the walk that visited a row; 0 for none
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

/** Returns each row's first child and next sibling; -1 for none. */
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

/** The row above those with unreported parents. */
export const ORPHANS = -1;

/** Returns the visible places while the descendants of `folded` ids are hidden; ORPHANS precedes the orphans. */
export function shownPlaces(tree: Tree, folded: ReadonlySet<string>): number[] {
  const shown: number[] = [];
  for (let place = 0; place < tree.order.length; ) {
    if (place === tree.orphansFrom) shown.push(ORPHANS);
    shown.push(place);
    place = folded.has(rowAt(tree, place).id) ? (tree.end[place] ?? place + 1) : place + 1;
  }
  return shown;
}

/** Returns a key for the row at a place that stays the same as the tree grows. */
export function keyOf(tree: Tree, place: number): string {
  return place === ORPHANS ? "orphans" : `${rowAt(tree, place).id} ${rowAt(tree, place).number}`;
}

export function rowAt(tree: Tree, place: number): Row {
  return tree.rows[tree.order[place] ?? 0] as Row;
}

export function hasChildren(tree: Tree, place: number): boolean {
  return (tree.end[place] ?? 0) > place + 1;
}

/** Returns the place of the parent; -1 for a root. */
export function parentPlace(tree: Tree, place: number): number {
  const depth = tree.depth[place] ?? 0;
  if (depth === 0) return -1;
  let at = place - 1;
  while ((tree.depth[at] ?? 0) >= depth) at -= 1;
  return at;
}

/** Returns the name of the innermost agent above a row; null without one. */
export function agentAbove(tree: Tree, place: number): string | null {
  for (let at = parentPlace(tree, place); at >= 0; at = parentPlace(tree, at)) {
    if (rowAt(tree, at).kind === "agent") return rowAt(tree, at).name;
  }
  return null;
}

/** Returns the ids of a row's ancestors. */
export function ancestorsOf(tree: Tree, place: number): string[] {
  const ids: string[] = [];
  for (let at = parentPlace(tree, place); at >= 0; at = parentPlace(tree, at)) ids.push(rowAt(tree, at).id);
  return ids;
}

/** Returns the microseconds of an action in which none of its children ran. */
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
 * Returns the ids on the critical path: from the end backwards, always the action that ended last before the next one
 * started.
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
      if (end > until || end === row.startUs) continue; // it ran in parallel, or took no time
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
