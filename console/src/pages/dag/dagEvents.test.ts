import { expect, test } from "vitest";
import type { Dag, Job } from "../../api/types";
import { dagEvents, endOf } from "./dagEvents";

function at(second: number): string {
  return `2026-03-12T12:00:${String(second).padStart(2, "0")}.000Z`;
}

function anAttempt(changes: object) {
  const base = { attempt: 1, worker: "w1", leased_at: at(1), started_at: at(1), ended_at: at(3), outcome: "succeeded" };
  return { ...base, exit_code: 0, signal: null, duration_ns: 2e9, error: null, ...changes };
}

function aDag(...jobs: object[]): Dag {
  const base = { kind: "work", status: "COMPLETED", reason: null, decision: null, attempts: [] };
  const all = jobs.map(
    (job, index) => ({ ...base, job_id: `d.${index}`, name: `j${index}`, ...job }) as unknown as Job,
  );
  return { dag_id: "d", submitted_at: at(0), ended_at: at(9), is_final: true, status: "PARTIAL", jobs: all } as Dag;
}

function told(dag: Dag): string[] {
  return dagEvents(dag).map((line) => `${line.job?.name ?? "DAG"} ${line.text}`);
}

test("events are listed latest first: every attempt and its outcome", () => {
  const first = anAttempt({ outcome: "failed", exit_code: 3 });
  const second = anAttempt({ attempt: 2, leased_at: at(4), started_at: at(4), ended_at: at(6) });

  expect(told(aDag({ attempts: [first, second] }))).toEqual([
    "DAG ended PARTIAL",
    "j0 attempt 2 succeeded after 2.0 s",
    "j0 attempt 2 started on w1",
    "j0 failed after 2.0 s with exit code 3",
    "j0 started on w1",
    "DAG was submitted with 1 jobs",
  ]);
});

test("a gate tells who decided and why, a cancelled job why it never ran", () => {
  const decision = { outcome: "rejected", decided_by: "Ada", decided_at: at(5), comment: "too costly" };
  const gate = { kind: "gate", status: "FAILED", ready_at: at(2), hitl_message: "Publish?", decision };
  const behind = { status: "CANCELLED", ended_at: at(5), reason: "its parent was rejected" };

  expect(told(aDag(gate, behind)).slice(1, -1)).toEqual([
    "j1 was cancelled: its parent was rejected",
    "j0 was rejected by Ada: too costly",
    "j0 opened: Publish?",
  ]);
});

test("an end names the signal rather than the code, and what the worker said", () => {
  const killed = anAttempt({ outcome: "failed", exit_code: null, signal: 9, duration_ns: null });

  expect(endOf(killed as never)).toBe("failed with signal 9");
  expect(endOf(anAttempt({ outcome: "lost", duration_ns: null, error: "no heartbeat" }) as never)).toBe(
    "was lost with its worker: no heartbeat",
  );
});
