import { expect, test } from "vitest";
import { toggled, toggledAmong } from "./url";

test("a value is chosen beside the others, and given back", () => {
  const now = new URLSearchParams("fold=a,b&open=c");

  expect(toggled(now, "fold", "c")).toEqual({ fold: "a,b,c" });
  expect(toggled(now, "fold", "a")).toEqual({ fold: "b" });
  expect(toggled(now, "tags", "x")).toEqual({ tags: "x" });
});

test("one of a closed set is chosen beside the others, however they are typed, and what is not of it goes", () => {
  const now = new URLSearchParams("status=FAILED,wat");

  expect(toggledAmong(now, "status", ["failed", "running"], "running")).toEqual({ status: "failed,running" });
  expect(toggledAmong(now, "status", ["failed", "running"], "failed")).toEqual({ status: "" });
});
