import { expect, test } from "vitest";
import { age, between, bytes, count, countedUpTo, duration, moment, rate } from "./format";

const NOON = new Date(2026, 2, 12, 12, 0, 0).getTime();

test("a duration has at most two units, and what is unknown is a dash", () => {
  const shown = [12, 3290, 245_000, 7_500_000, 200_000_000, null].map(duration);

  expect(shown).toEqual(["12 ms", "3.3 s", "4 min 5 s", "2 h 5 min", "2 d 8 h", "–"]);
});

test("a duration is rounded to what is shown of it, into the next unit where it comes to that", () => {
  const shown = [11_091, 59_940, 59_960, 60_499, 3_599_600, 86_399_000].map(duration);

  expect(shown).toEqual(["11.1 s", "59.9 s", "1 min 0 s", "1 min 0 s", "1 h 0 min", "1 d 0 h"]);
});

test("below a second a duration has three digits that count, and is never a second of milliseconds", () => {
  const shown = [0, 2.4, 706.596, 999.4, 999.6, 1999.999].map(duration);

  expect(shown).toEqual(["0 ms", "2.4 ms", "707 ms", "999 ms", "1.0 s", "2.0 s"]);
});

test("below a millisecond a duration is in microseconds, and never a thousand of them", () => {
  const shown = [0.00002, 0.00702, 0.42, 0.9994, 0.9996].map(duration);

  expect(shown).toEqual(["0.02 µs", "7.02 µs", "420 µs", "999 µs", "1 ms"]);
});

test("the length between two moments keeps their microseconds", () => {
  expect(between("2026-03-12T12:00:00.000900Z", "2026-03-12T12:00:00.707496Z")).toBeCloseTo(706.596, 6);
  expect(between("2026-03-12T12:00:00Z", "2026-03-12T12:00:01.5Z")).toBe(1500);
});

test("an age is told in its largest unit, a moment ahead to the nearest", () => {
  const shown = [0, 42_000, 3 * 3_600_000, -59_500].map((ago) => age(NOON - ago, NOON));

  expect(shown).toEqual(["now", "42 s ago", "3 h ago", "in 60 s"]);
});

test("a moment of another day names the day, of another year the year", () => {
  const times = [new Date(2026, 2, 12, 9, 5, 7), new Date(2026, 2, 1, 9, 5), new Date(2025, 2, 1)];

  expect(times.map((time) => moment(time.getTime(), NOON))).toEqual(["09:05:07", "1 Mar 09:05", "1 Mar 2025"]);
});

test("bytes and counts are written as people say them", () => {
  expect([0, 1023, 1536, 3_565_158, null].map(bytes)).toEqual(["0 B", "1023 B", "1.5 KiB", "3.4 MiB", "–"]);
  expect([count(1, "job"), count(1200, "job")]).toEqual(["1 job", "1,200 jobs"]);
  expect([countedUpTo(false, false), countedUpTo(true, false), countedUpTo(true, true)]).toEqual([
    "",
    " and more",
    " among the newest matches",
  ]);
});

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
