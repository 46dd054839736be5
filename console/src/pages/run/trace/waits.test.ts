import { expect, test } from "vitest";
import { aRow } from "../testing";
import { treeOf } from "./tree";
import { criticalPath, selfTime } from "./waits";

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
