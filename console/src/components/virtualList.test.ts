import { expect, test } from "vitest";
import { indexAfter, markedIndex, movedTo } from "./virtualList";

const ROWS = ["a", "b", "c"];
const B = { key: "b", index: 1 };

function itself(row: string): string {
  return row;
}

test("the marked row stays marked when a new one comes on top", () => {
  expect(markedIndex(["new", ...ROWS], itself, B)).toBe(2);
});

test("a row that left is marked no more, and the next step leads to its neighbours", () => {
  const rows = ["a", "c"];

  expect(markedIndex(rows, itself, B)).toBe(-1);
  expect(indexAfter(rows, itself, B, 1)).toBe(1);
  expect(indexAfter(rows, itself, B, -1)).toBe(0);
});

test("steps begin at the top and stop at both ends", () => {
  expect(indexAfter(ROWS, itself, null, 1)).toBe(0);
  expect(indexAfter(ROWS, itself, null, -1)).toBe(0);
  expect(indexAfter(ROWS, itself, { key: "a", index: 0 }, -1)).toBe(0);
  expect(indexAfter(ROWS, itself, { key: "c", index: 2 }, 1)).toBe(2);
  expect(indexAfter([], itself, null, 1)).toBe(-1);
});

const keyOf = (row: string) => row;

test("rows that come above move the anchored one by as many", () => {
  expect(movedTo(["new", "newer", "a", "b"], keyOf, { key: "b", index: 1, length: 2 })).toBe(3);
});

test("rows that come below leave it where it is", () => {
  expect(movedTo(["a", "b", "c"], keyOf, { key: "b", index: 1, length: 2 })).toBeNull();
});

test("a row that was sorted elsewhere is not followed", () => {
  expect(movedTo(["b", "c", "d", "a"], keyOf, { key: "a", index: 0, length: 4 })).toBeNull();
  expect(movedTo(["b", "c", "d", "e", "a"], keyOf, { key: "a", index: 0, length: 4 })).toBeNull();
});
