import { expect, test } from "vitest";
import { MOST_PAGES, pageCount, placeOf } from "./ledger";

test.each([
  ["the first of two", placeOf(1, 100, 120, false), [1, 100, 120, false, true, false]],
  ["the second of two", placeOf(2, 20, 120, false), [101, 120, 120, false, false, false]],
  ["a full last one", placeOf(2, 100, 200, false), [101, 200, 200, false, false, false]],
  ["one of more than were counted", placeOf(3, 100, 10_000, true), [201, 300, 10_000, true, true, false]],
  ["one behind those that were counted", placeOf(150, 100, 10_000, true), [14_901, 15_000, 15_000, true, true, false]],
  [
    "the end behind those that were counted",
    placeOf(151, 50, 10_000, true),
    [15_001, 15_050, 15_050, false, false, false],
  ],
  ["the last that is given", placeOf(MOST_PAGES, 100, 10_000, true), [19_901, 20_000, 20_000, true, false, true]],
])("a page that is %s says what stands on it, of how many, and what follows", (_, place, expected) => {
  expect([place.first, place.last, place.total, place.isCapped, place.hasNext, place.endsEarly]).toEqual(expected);
});

test("there are as many pages as rows fill, and no more than are given", () => {
  expect([pageCount(0, false), pageCount(120, false), pageCount(10_000, true), pageCount(1e6, false)]).toEqual([
    1, 2, 200, 200,
  ]);
});
