import { expect, test } from "vitest";
import { indexAfter, markedIndex } from "./rowMark";

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
