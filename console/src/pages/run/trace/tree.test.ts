import { expect, test } from "vitest";
import type { Row } from "../../../api/recording";
import { aRow } from "../testing";
import {
  agentAbove,
  ancestorsOf,
  criticalPath,
  ORPHANS,
  rowAt,
  selfTime,
  shownPlaces,
  type Tree,
  treeOf,
} from "./tree";

/** The tree as text: a blank a level, "?" before what waits for its parent. */
function drawn(rows: readonly Row[]): string[] {
  const tree = treeOf(rows);
  return Array.from(tree.order, (row, place) => {
    const mark = place >= tree.orphansFrom ? "?" : "";
    return `${mark}${" ".repeat(tree.depth[place] ?? 0)}${rows[row]?.number}`;
  });
}

function placeOf(tree: Tree, id: string): number {
  return Array.from(tree.order.keys()).find((place) => rowAt(tree, place).id === id) ?? -1;
}

test("children stand below their parents in the order they started, whichever was told first", () => {
  const rows = [
    aRow(3, { parent: 5 }),
    aRow(1),
    aRow(2, { parent: 1 }),
    aRow(5),
    aRow(4, { parent: 1 }),
    aRow(6, { parent: 2 }),
  ];

  expect(drawn(rows)).toEqual(["1", " 2", "  6", " 4", "5", " 3"]);
});

test("those that wait for their parents stand at the end with what hangs on them", () => {
  const rows = [aRow(1, { parent: -1 }), aRow(2, { parent: 1 }), aRow(3), aRow(4, { parent: 99 })];

  expect(drawn(rows)).toEqual(["3", "?1", "? 2", "?4"]);
  expect(treeOf(rows).orphanCount).toBe(2);
  expect(shownPlaces(treeOf(rows), new Set(["a1"]))).toEqual([0, ORPHANS, 1, 3]);
});

test("a ring of parents is opened at its first row, and nothing is lost", () => {
  const rows = [
    aRow(1, { parent: 4 }), // hangs on the ring
    aRow(2, { parent: 3 }),
    aRow(3, { parent: 4 }),
    aRow(4, { parent: 2 }),
    aRow(5, { parent: 5 }),
  ];

  expect(drawn(rows)).toEqual(["2", " 4", "  1", "  3", "5"]);
});

test("of two rows with one number the first has the children", () => {
  const rows = [aRow(1), aRow(1, { id: "again" }), aRow(2, { parent: 1 })];

  expect(drawn(rows)).toEqual(["1", " 2", "1"]);
});

test("what is folded hides its descendants, and a row knows its ancestors", () => {
  const tree = treeOf([aRow(1), aRow(2, { parent: 1 }), aRow(3, { parent: 2 }), aRow(4)]);

  expect(shownPlaces(tree, new Set(["a1"]))).toEqual([0, 3]);
  expect(shownPlaces(tree, new Set(["a2"]))).toEqual([0, 1, 3]);
  expect(ancestorsOf(tree, placeOf(tree, "a3"))).toEqual(["a2", "a1"]);
});

test("a row knows the innermost agent above it", () => {
  const tree = treeOf([
    aRow(1, { kind: "agent", name: "Triage" }),
    aRow(2, { parent: 1, kind: "turn" }),
    aRow(3, { parent: 2, kind: "handoff" }),
    aRow(4),
  ]);

  expect(["a3", "a1", "a4"].map((id) => agentAbove(tree, placeOf(tree, id)))).toEqual(["Triage", null, null]);
});

test("no action gives an empty tree", () => {
  expect(shownPlaces(treeOf([]), new Set())).toEqual([]);
});

test("ten thousand actions in a chain are a tree like any other", () => {
  const rows = Array.from({ length: 10_000 }, (_, at) => aRow(at + 1, { parent: at }));

  const tree = treeOf(rows);

  expect([tree.depth[9999], tree.end[0], tree.orphansFrom]).toEqual([9999, 10_000, 10_000]);
});

const FAMILY = [
  aRow(1, { startUs: 0, durationUs: 100 }),
  aRow(2, { parent: 1, startUs: 10, durationUs: 30 }),
  aRow(3, { parent: 1, startUs: 20, durationUs: 40 }), // beside it, until 60
  aRow(4, { parent: 1, startUs: 70, durationUs: 60 }), // ends after its parent
];

test("an action's own time is what none of its children covers, counted once where they overlap", () => {
  const tree = treeOf(FAMILY);

  expect([0, 1, 3].map((place) => selfTime(tree, place, 0))).toEqual([100 - 50 - 30, 30, 60]);
});

test("what runs counts until now", () => {
  const tree = treeOf([aRow(1, { startUs: 0, durationUs: null }), aRow(2, { parent: 1, startUs: 10, durationUs: 30 })]);

  expect(selfTime(tree, 0, 200)).toBe(170);
});

test("the critical path leads back from the end, through whatever ended last before", () => {
  const rows = [
    aRow(1, { startUs: 0, durationUs: 100 }),
    aRow(2, { parent: 1, startUs: 0, durationUs: 30 }),
    aRow(3, { parent: 1, startUs: 5, durationUs: 45 }),
    aRow(4, { parent: 1, startUs: 50, durationUs: 50 }),
    aRow(5, { parent: 1, startUs: 60, durationUs: 0 }),
    aRow(6, { startUs: 0, durationUs: 40 }),
  ];

  expect([...criticalPath(treeOf(rows), 0)].sort()).toEqual(["a1", "a3", "a4"]);
});
