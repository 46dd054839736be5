import { expect, test } from "vitest";
import type { Dag, InterceptView, RunView, Worker } from "../../api/types";
import { clusterFacts, failedDagsLately, failedLately, withoutListed } from "./concerns";

const NOW = Date.parse("2026-11-21T12:00:00Z");

function aWorker(facts: Partial<Worker>): Worker {
  return { state: "connected", offers: {}, busy: {}, ...facts } as Worker;
}

function aDag(name: string, facts: Partial<Dag> = {}): Dag {
  const counts = { failed: 1, cancelled: 0 };
  return { name, status: "FAILED", agent_run_id: null, ended_at: "2026-11-21T11:00:00Z", counts, ...facts } as Dag;
}

test("a run that failed within a day needs somebody, the latest first", () => {
  const runs = [
    { run_id: "early", status: "failed", ended_at: "2026-11-21T01:00:00Z" },
    { run_id: "late", status: "failed", ended_at: "2026-11-21T11:00:00Z" },
    { run_id: "old", status: "failed", ended_at: "2026-11-20T11:59:00Z" },
    { run_id: "good", status: "completed", ended_at: "2026-11-21T11:00:00Z" },
  ] as RunView[];

  expect(failedLately(runs, NOW).map((run) => run.run_id)).toEqual(["late", "early"]);
});

test("a recorded run that is told of by its stages is not told of twice", () => {
  const intercepts = ["staged", "recorded"].map((run_id) => ({
    run: { run_id },
    reasons: [],
  })) as unknown as InterceptView[];
  const told = [{ run_id: "staged" }] as RunView[];

  expect(withoutListed(intercepts, told).map(({ run }) => run.run_id)).toEqual(["recorded"]);
});

test("a DAG that fails again and again is told once, with how often", () => {
  const latest = aDag("nightly", { ended_at: "2026-11-21T11:30:00Z" });

  expect(failedDagsLately([aDag("nightly"), latest, aDag("other", { status: "PARTIAL" })], NOW)).toEqual([
    { latest, times: 2 },
    { latest: aDag("other", { status: "PARTIAL" }), times: 1 },
  ]);
});

test("a stage is told of by its run alone", () => {
  expect(
    failedDagsLately([aDag("R_1_PLAN", { agent_run_id: "R_1" }), aDag("done", { status: "COMPLETED" })], NOW),
  ).toEqual([]);
});

test("a DAG that somebody cancelled needs nobody, unless a job of it failed", () => {
  const cancelled = aDag("cancelled", { status: "PARTIAL", counts: { failed: 0, cancelled: 3 } as Dag["counts"] });
  const both = aDag("both", { status: "PARTIAL", counts: { failed: 1, cancelled: 2 } as Dag["counts"] });

  expect(failedDagsLately([cancelled, both], NOW)).toEqual([{ latest: both, times: 1 }]);
});

test("the cluster is what connected workers offer and run", () => {
  const workers = [
    aWorker({ offers: { GENERAL: 4, GPU: 1 }, busy: { GENERAL: 2 } }),
    aWorker({ state: "draining", offers: { GENERAL: 8 }, busy: { GENERAL: 1 } }),
    aWorker({ state: "left", offers: { GENERAL: 8 } }),
  ];

  expect(clusterFacts(workers)).toEqual({ workers: 1, draining: 1, slots: 5, busy: 2 });
});
