import { expect, test } from "vitest";
import { bothTimes, clockTime, exactLength, exactMoment, lengthWords, tabIn, tabsOf, wordsIn } from "./runDisplay";

test("a run without stages has no tab for them; one that recorded no call has none of calls", () => {
  const [staged, plain] = [true, false];

  expect(tabsOf(plain, false)).toEqual(["trace", "telemetry", "simulation", "determinism"]);
  expect([tabsOf(staged, false), tabsOf(staged, true)]).toEqual([
    ["stages", "simulation", "determinism"],
    ["stages", "trace", "telemetry", "simulation", "determinism"],
  ]);
  expect([
    tabIn(null, plain, true),
    tabIn("stages", plain, true),
    tabIn(null, staged, true),
    tabIn(null, staged, false),
    tabIn("trace", staged, false),
    tabIn("simulation", plain, true),
    tabIn("determinism", staged, false),
    tabIn("nonsense", plain, false),
  ]).toEqual(["telemetry", "telemetry", "telemetry", "stages", "stages", "simulation", "determinism", "telemetry"]);
});

test("a length is told in the unit that suits it, and whole in milliseconds", () => {
  expect([42, 523_000, 3_240_000, 11_091_204.512].map(lengthWords)).toEqual(["42 µs", "523 ms", "3.2 s", "11.1 s"]);
  expect([0, 0.042, 11_091_204.512].map(exactLength)).toEqual(["0 ms", "0.000042 ms", "11,091.204512 ms"]);
});

test("each word of a search is marked by itself", () => {
  expect(wordsIn("  two  words ")).toEqual(["two", "words"]);
});

test("a moment is told to the millisecond that it lies in, and whole in UTC to the microsecond", () => {
  const at = Date.parse("2026-07-01T21:37:59.004Z") + 0.718;

  expect(clockTime(at)).toMatch(/:37:59\.004$/);
  expect(exactMoment(at)).toBe("2026-07-01T21:37:59.004718Z");
  expect(bothTimes(at)).toContain("2026-07-01 21:37:59.004718 UTC");
  expect(exactMoment(Date.parse("2026-07-01T21:37:59Z"))).toBe("2026-07-01T21:37:59.000000Z");
});
