import { expect, test } from "vitest";
import { asCost, isEcho } from "./fields";

test("what a field sent comes back as an echo, also when it has sent more meanwhile", () => {
  const sent = ["a", "ab"];

  expect(isEcho(sent, "a")).toBe(true);
  expect(isEcho(sent, "ab")).toBe(true);
  expect(sent).toEqual([]);
});

test("an echo that was left out is not waited for", () => {
  const sent = ["a", "ab"];

  expect(isEcho(sent, "ab")).toBe(true);
  expect(isEcho(sent, "a")).toBe(false);
});

test("a value from elsewhere is none, and ends the wait for what was sent", () => {
  const sent = ["ab"];

  expect(isEcho(sent, "")).toBe(false);
  expect(isEcho(sent, "ab")).toBe(false);
});

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
