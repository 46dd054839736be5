import { expect, test } from "vitest";
import { marksIn, moved, placeWords, rangeFields, rangeIn, zoomed } from "./timeRange";

const WHOLE = { from: -100, to: 1_000_000 };

test("an address that names no part shows the whole, and one that names more than there is, what there is", () => {
  expect([
    rangeIn(null, null, WHOLE),
    rangeIn("x", "5", WHOLE),
    rangeIn("-5000", "500", WHOLE),
    rangeIn("900000", "2000000", WHOLE),
    rangeIn("500", "500", WHOLE),
  ]).toEqual([WHOLE, WHOLE, { from: -100, to: 5400 }, { from: -100, to: 1_000_000 }, { from: 500, to: 510 }]);
});

test("zooming leaves the place that it is about where it stands, and ends at the whole", () => {
  const near = zoomed({ from: 0, to: 1000 }, 0.5, 250, WHOLE);

  expect([near, zoomed(near, 1e9, 0, WHOLE), moved(near, 0.5, WHOLE), moved(near, -9, WHOLE)]).toEqual([
    { from: 125, to: 625 },
    WHOLE,
    { from: 375, to: 875 },
    { from: -100, to: 400 },
  ]);
  expect([rangeFields(near, WHOLE), rangeFields(WHOLE, WHOLE)]).toEqual([
    { from: "125", to: "625" },
    { from: null, to: null },
  ]);
});

test("marks stand on round figures", () => {
  expect([marksIn({ from: -100, to: 1000 }, 5), marksIn({ from: 12, to: 22 }, 4)]).toEqual([
    [0, 500, 1000],
    [15, 20],
  ]);
  expect([0, 250, 1500, 1_500_000, 125_000_000, -300_000].map(placeWords)).toEqual([
    "0",
    "+250 µs",
    "+1.5 ms",
    "+1.5 s",
    "+2 min 5 s",
    "−300 ms",
  ]);
});
