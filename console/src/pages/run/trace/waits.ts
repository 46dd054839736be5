/** Where the time of a run went: what an action did itself, and the chain that decided when the run ended. */
import type { Row } from "../../../api/recording";
import { rowAt, type Tree } from "./tree";

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
