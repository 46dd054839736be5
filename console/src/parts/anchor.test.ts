import { expect, test } from "vitest";
import { movedTo } from "./anchor";

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
