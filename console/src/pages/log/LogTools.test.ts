import { expect, test } from "vitest";
import { lineRangeOf, rangeAfterClick, textOfRange } from "./LogTools";

test("one line, or several in any order, can be named", () => {
  expect(["12", "L12", " 40 - 12 ", "L3-L5"].map(lineRangeOf)).toEqual([
    { from: 12, to: 12 },
    { from: 12, to: 12 },
    { from: 12, to: 40 },
    { from: 3, to: 5 },
  ]);
});

test("what names no line is none", () => {
  expect([null, "", "0", "-3", "a", "1-2-3", "1e3"].map(lineRangeOf)).toEqual(Array(7).fill(null));
});

test("a range is written as it is read", () => {
  expect([textOfRange({ from: 3, to: 3 }), textOfRange({ from: 3, to: 9 })]).toEqual(["3", "3-9"]);
});

test("Shift widens what was chosen to the line clicked on", () => {
  expect([rangeAfterClick({ from: 5, to: 5 }, 9, true), rangeAfterClick({ from: 5, to: 9 }, 2, true)]).toEqual([
    { from: 5, to: 9 },
    { from: 2, to: 5 },
  ]);
  expect(rangeAfterClick({ from: 5, to: 9 }, 7, false)).toEqual({ from: 7, to: 7 });
});
