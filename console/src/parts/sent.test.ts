import { expect, test } from "vitest";
import { isEcho } from "./sent";

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
