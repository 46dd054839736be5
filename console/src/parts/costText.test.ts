import { expect, test } from "vitest";
import { asCost } from "./costText";

test.each([
  ["10", "10"],
  [" $ 0.50 ", "0.50"],
  [",5", "0.5"],
  ["3.", "3"],
  ["", ""],
  [".", ""],
  ["-1", null],
  ["1e3", null],
  ["ten", null],
])("%j is the cost %j", (typed, cost) => {
  expect(asCost(typed)).toBe(cost);
});
