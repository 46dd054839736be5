import { expect, test } from "vitest";
import { toggled } from "./url";

test("a value is chosen beside the others, and given back", () => {
  const now = new URLSearchParams("fold=a,b&open=c");

  expect(toggled(now, "fold", "c")).toEqual({ fold: "a,b,c" });
  expect(toggled(now, "fold", "a")).toEqual({ fold: "b" });
  expect(toggled(now, "tags", "x")).toEqual({ tags: "x" });
});
