import { expect, test, vi } from "vitest";
import { downstreamJobs, mayAddFiles } from "./gates";
import type { LiveEvent } from "./live";
import type { Job } from "./types";

vi.hoisted(() => vi.stubGlobal("window", { location: { origin: "http://titan.test" } }));

const GATE = { gate_id: "d1.00002", dag_id: "d1" };

test("any event of a job beside a gate may tell of a file that came late", () => {
  const ids: [string | null, string | null][] = [
    ["d1", "d1.00000"],
    ["d1", "d1.00002"], // the gate itself
    ["d1", null],
    ["d2", "d2.00000"],
  ];
  const event = { kind: "JobSucceeded", cursor: "1", at: "", cause: "", agent_run_id: null, data: {} } as const;
  const events = ids.map(([dag_id, job_id]): LiveEvent => ({ ...event, dag_id, job_id }));

  expect(events.map((one) => mayAddFiles(one, GATE))).toEqual([true, false, false, false]);
});

function aJob(name: string, ...parents: string[]): Job {
  return { name, parents } as unknown as Job;
}

test("what waits behind a gate is found through all generations, each name once, nearest first", () => {
  const jobs = [
    aJob("draft"),
    aJob("ok", "draft"),
    aJob("send", "ok"),
    aJob("bill", "ok"),
    aJob("file", "send", "bill"),
  ];

  expect(downstreamJobs({ jobs }, "ok")).toEqual(["send", "bill", "file"]);
});

test("nothing waits behind the last gate", () => {
  expect(downstreamJobs({ jobs: [aJob("draft"), aJob("ok", "draft")] }, "ok")).toEqual([]);
});
