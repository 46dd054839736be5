import { expect, test } from "vitest";
import type { Attempt, Job } from "../../../api/types";
import { lanesByJob, lanesByWorker, spanOf, ticks } from "./lanes";

const NOON = Date.parse("2026-03-12T12:00:00Z");

function at(seconds: number | null): string | null {
  return seconds === null ? null : new Date(NOON + seconds * 1000).toISOString();
}

function anAttempt(from: number, to: number | null, worker = "w1", changes: Partial<Attempt> = {}): Attempt {
  const outcome = to === null ? null : "succeeded";
  const times = { leased_at: at(from), started_at: at(from + 1), ended_at: at(to) };
  return { attempt: 1, worker, worker_id: worker, outcome, ...times, ...changes } as Attempt;
}

function aJob(name: string, attempts: Attempt[], changes: Partial<Job> = {}): Job {
  const job = { job_id: name, name, kind: "work", status: "COMPLETED", ready_at: at(0), submitted_at: at(0), attempts };
  return { ...job, ...changes } as Job;
}

function seconds(time: number | null): number | null {
  return time === null ? null : (time - NOON) / 1000;
}

test("a job's row shows how long it waited, and each of its attempts", () => {
  const failed = anAttempt(2, 4, "w1", { outcome: "failed", ready_at: at(0) });
  const again = anAttempt(65, 69, "w2", { attempt: 2, ready_at: at(64) }); // after a minute in which it had failed
  const [lane] = lanesByJob([aJob("a", [failed, again], { ready_at: at(64) })]);

  const shown = lane?.bars.map((bar) => [bar.outcome, ...[bar.waitedFrom, bar.from, bar.to].map(seconds)]);
  expect(shown).toEqual([
    ["failed", 0, 3, 4],
    ["succeeded", 64, 66, 69],
  ]);
});

test("a job that waits for a worker has a bar without an end, one that waits for parents has none", () => {
  const lanes = lanesByJob([
    aJob("ready", [], { status: "READY", ready_at: at(3) }),
    aJob("later", [], { status: "WAITING", ready_at: null }),
  ]);

  expect(lanes.map((lane) => [lane.name, lane.bars[0]?.outcome, lane.bars[0]?.to])).toEqual([
    ["ready", "waiting", null],
  ]);
});

test("a gate's bar lasts while it is open", () => {
  const [lane] = lanesByJob([aJob("gate", [], { kind: "gate", ready_at: at(2), ended_at: at(7) })]);

  expect([lane?.bars[0]?.outcome, seconds(lane?.bars[0]?.from ?? null), seconds(lane?.bars[0]?.to ?? null)]).toEqual([
    "gate",
    2,
    7,
  ]);
});

test("attempts of one worker that overlap stand in different slots, those that do not in the same", () => {
  const lanes = lanesByWorker([
    aJob("a", [anAttempt(0, 5)]),
    aJob("b", [anAttempt(1, 3)]),
    aJob("c", [anAttempt(3, 6)]),
    aJob("d", [anAttempt(0, null, "w0")]),
  ]);

  expect(lanes.map((lane) => [lane.name, lane.slot, lane.bars.map((bar) => bar.job.name)])).toEqual([
    ["w0", 1, ["d"]],
    ["w1", 1, ["a"]],
    ["w1", 2, ["b", "c"]],
  ]);
});

test("the span reaches until now while something runs", () => {
  const lanes = lanesByJob([aJob("a", [anAttempt(1, null)])]);

  expect(Object.values(spanOf(lanes, NOON + 60_000)).map(seconds)).toEqual([1, 60]);
  expect(spanOf([], NOON)).toEqual({ from: NOON, to: NOON + 1000 });
});

test("an axis has round steps and never too many", () => {
  expect(ticks({ from: 0, to: 9000 }, 5)).toEqual([0, 2000, 4000, 6000, 8000]);
  expect(ticks({ from: 0, to: 40 * 86_400_000 }, 6).length).toBeLessThanOrEqual(7);
});
