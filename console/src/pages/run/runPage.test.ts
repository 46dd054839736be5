import { expect, test } from "vitest";
import { lengthWords, milliseconds, replayObstacle, tabIn, tabsOf, wordsIn } from "./runPage";

test("a run without stages has no tab for them; one that recorded no call begins with them", () => {
  const staged = { has_stages: true };
  const plain = { has_stages: false };

  expect(tabsOf(plain)).toEqual(["trace", "telemetry", "simulation", "determinism"]);
  expect([
    tabIn(null, plain, true),
    tabIn("stages", plain, true),
    tabIn(null, staged, true),
    tabIn(null, staged, false),
    tabIn("trace", staged, false),
    tabIn("nonsense", plain, false),
  ]).toEqual(["telemetry", "telemetry", "telemetry", "stages", "trace", "telemetry"]);
});

test("lengths have three digits that count, whole milliseconds from a hundred on, and microseconds below one", () => {
  expect([0, 42, 2400, 523_000, 1_920_400].map(milliseconds)).toEqual([
    "0 ms",
    "42 µs",
    "2.4 ms",
    "523 ms",
    "1,920 ms",
  ]);
  expect([523_000, 3_240_000].map(lengthWords)).toEqual(["523 ms", "3.2 s"]);
});

test("a replay needs a run that is complete and outputs that are kept", () => {
  expect([
    replayObstacle({ status: "running", archived_at: null }),
    replayObstacle({ status: "failed", archived_at: "2026-01-01T00:00:00Z" }),
    replayObstacle({ status: "failed", archived_at: null }),
  ]).toEqual(["The run is not complete.", "Its outputs were archived by retention.", null]);
});

test("each word of a search is marked by itself", () => {
  expect(wordsIn("  two  words ")).toEqual(["two", "words"]);
});
