import { expect, test } from "vitest";
import { criticalPath, type Timed } from "./critical";

const NOON = Date.parse("2026-03-12T12:00:00Z");

function aJob(name: string, parents: string[], from: number | null, to: number | null): Timed {
  const at = (seconds: number | null) => (seconds === null ? null : new Date(NOON + seconds * 1000).toISOString());
  return { job_id: name, name, parents, kind: "work", ready_at: at(from), started_at: at(from), ended_at: at(to) };
}

test("the path is the chain that took longest, not the one with the most jobs", () => {
  const jobs = [
    aJob("plan", [], 0, 2),
    aJob("slow", ["plan"], 2, 10),
    aJob("a", ["plan"], 2, 3),
    aJob("b", ["a"], 3, 4),
    aJob("write", ["slow", "b"], 10, 11),
  ];

  expect(criticalPath(jobs, NOON)).toEqual({ jobs: ["plan", "slow", "write"], lengthMs: 11_000 });
});

test("a running job counts until now, and what still waits is not on the path", () => {
  const jobs = [aJob("plan", [], 0, 2), aJob("run", ["plan"], 2, null), aJob("later", ["run"], null, null)];

  expect(criticalPath(jobs, NOON + 7000)).toEqual({ jobs: ["plan", "run"], lengthMs: 7000 });
});

test("a job submitted before its parent is understood", () => {
  const jobs = [aJob("child", ["parent"], 5, 6), aJob("parent", [], 0, 5)];

  expect(criticalPath(jobs, NOON).jobs).toEqual(["parent", "child"]);
});

test("a gate counts while it was open, and the time before anything began has no path", () => {
  const gate: Timed = { ...aJob("gate", ["a"], 1, 9), kind: "gate", started_at: null };

  expect(criticalPath([aJob("a", [], 0, 1), gate], NOON)).toEqual({ jobs: ["a", "gate"], lengthMs: 9000 });
  expect(criticalPath([aJob("a", [], null, null)], NOON)).toEqual({ jobs: [], lengthMs: 0 });
});
