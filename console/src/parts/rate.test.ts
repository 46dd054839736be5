import { expect, test } from "vitest";
import { rate } from "./rate";

test.each([
  [null, "–"],
  [0, "0 %"],
  [1, "100 %"],
  [0.9999, "99.9 %"],
  [0.0001, "0.1 %"],
  [2 / 3, "66.7 %"],
])("a share of %s is %s", (share, shown) => {
  expect(rate(share)).toBe(shown);
});
