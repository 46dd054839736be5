import { expect, test } from "vitest";
import { BANDS, bandOf } from "./badges";

test("a score is in the band whose range holds it", () => {
  expect([100, 90, 89, 70, 69, 50, 49, 0].map((score) => BANDS[bandOf(score)].range)).toEqual([
    "90–100",
    "90–100",
    "70–89",
    "70–89",
    "50–69",
    "50–69",
    "0–49",
    "0–49",
  ]);
});
