import { expect, test } from "vitest";
import { endOf, hasOrphans, momentOf, recordingOf, withNews } from "./recording";
import type { RunView, SkeletonAnswer } from "./types";

const STARTED = "2026-01-01T00:00:00Z";

function anAnswer(version: number, ids: readonly string[], told: Partial<SkeletonAnswer> = {}): SkeletonAnswer {
  const all = <Value>(value: Value) => ids.map(() => value);
  return {
    version,
    run: { started_at: STARTED } as RunView,
    names: ["find"],
    models: ["gpt"],
    actors: [],
    error_types: [],
    number: ids.map((id) => Number(id.slice(1))),
    id: [...ids],
    parent: all(0),
    kind: all("tool" as const),
    name: all(0),
    model: all(-1),
    actor: all(-1),
    error_type: all(-1),
    start_us: ids.map((id) => Number(id.slice(1)) * 10),
    duration_ns: all(-1),
    outcome: all(null),
    cost_usd: all(null),
    possible_duplicates: [],
    estimated: [],
    tokens: all(-1),
    ...told,
  };
}

test("columns become rows in the order they started, and unknown stays unknown", () => {
  const { rows } = recordingOf(anAnswer(3, ["a2", "a1"], { duration_ns: [4500, -1], tokens: [0, -1], model: [0, -1] }));

  expect(rows.map(({ id, name, model, durationUs, tokens }) => [id, name, model, durationUs, tokens])).toEqual([
    ["a1", "find", null, null, null],
    ["a2", "find", "gpt", 4.5, 0],
  ]);
  expect([endOf(rows, 500), endOf(rows.slice(1), 500)]).toEqual([500, 24.5]);
});

test("a call's cost says whether it was computed", () => {
  const { rows } = recordingOf(
    anAnswer(3, ["a1", "a2"], { cost_usd: ["0.02", "0.01"], estimated: [2], possible_duplicates: [1] }),
  );

  expect(rows.map((row) => row.isEstimated)).toEqual([false, true]);
  expect(rows.map((row) => row.isPossibleDuplicate)).toEqual([true, false]);
});

test("news replace what they tell of, join what is new by its time, and leave the rest as it is", () => {
  const old = recordingOf(anAnswer(3, ["a1", "a3"]));

  const joined = withNews(old, anAnswer(5, ["a2", "a3"], { outcome: [null, "success"] }));

  expect(joined?.rows.map(({ id, outcome }) => [id, outcome])).toEqual([
    ["a1", null],
    ["a2", null],
    ["a3", "success"],
  ]);
  expect(joined?.rows[0]).toBe(old.rows[0]);
  expect(withNews(old, anAnswer(5, []))?.rows).toBe(old.rows);
});

test("where the run's beginning moved, or it was recorded anew, only the whole tells the truth", () => {
  const old = recordingOf(anAnswer(3, ["a1"], { parent: [-1] }));
  const moved = anAnswer(5, [], { run: { started_at: "2025-12-31T00:00:00Z" } as RunView });

  expect([withNews(old, moved), withNews(old, anAnswer(2, []))]).toEqual([null, null]);
  expect(hasOrphans(old)).toBe(true);
});

test.each([
  [883, "21:37:58.923", 0.679],
  [912, "21:37:58.923", 0.708],
  [81_922, "21:37:59.004", 0.718],
  [102_470, "21:37:59.025", 0.266],
  [1204, "21:37:58.924", 0],
])("what began %i µs after its run is shown when it was recorded", (startUs, shown, belowMs) => {
  const at = momentOf({ started_at: "2026-07-01T21:37:58.922796Z" }, startUs);

  expect(new Date(at).toISOString()).toContain(shown);
  expect(at - Math.floor(at)).toBeCloseTo(belowMs, 3);
});
