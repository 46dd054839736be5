/** The events of a DAG as sentences, from its jobs and attempts. */
import type { Dag, Job } from "../../api/types";
import { duration, ofNanoseconds } from "../../components/format";

export interface DagEvent {
  key: string;
  at: string;
  /** A status of components/badges, for the glyph. */
  status: string;
  /** Null for the DAG itself. */
  job: Job | null;
  text: string;
}

type Attempt = NonNullable<Job["attempts"]>[number];

/** Returns the events, latest first. */
export function dagEvents(dag: Dag): DagEvent[] {
  const lines: DagEvent[] = [];
  const jobs = dag.jobs ?? [];
  add(lines, dag.dag_id, dag.submitted_at, "WAITING", null, `was submitted with ${jobs.length} jobs`);
  for (const job of jobs) addJobEvents(lines, job);
  if (dag.is_final) add(lines, `${dag.dag_id} end`, dag.ended_at, dag.status, null, `ended ${dag.status}`);
  const order = new Map(lines.map((line, index) => [line, index]));
  return lines.sort(
    (one, other) => Date.parse(other.at) - Date.parse(one.at) || (order.get(other) ?? 0) - (order.get(one) ?? 0),
  );
}

function addJobEvents(lines: DagEvent[], job: Job): void {
  if (job.kind === "gate") {
    addGateEvents(lines, job);
    return;
  }
  for (const attempt of job.attempts ?? []) {
    const key = `${job.job_id} ${attempt.attempt} ${attempt.leased_at}`;
    const which = attempt.attempt > 1 ? `attempt ${attempt.attempt} ` : "";
    add(
      lines,
      `${key} start`,
      attempt.started_at ?? attempt.leased_at,
      "RUNNING",
      job,
      `${which}started on ${attempt.worker}`,
    );
    if (attempt.outcome) add(lines, `${key} end`, attempt.ended_at, attempt.outcome, job, which + endOf(attempt));
  }
  // No attempt reports this end, so it was caused by another job or person.
  if (job.status === "CANCELLED") {
    add(lines, `${job.job_id} cancelled`, job.ended_at, "CANCELLED", job, `was cancelled${why(job.reason)}`);
  }
}

function addGateEvents(lines: DagEvent[], job: Job): void {
  add(
    lines,
    `${job.job_id} open`,
    job.ready_at,
    "open",
    job,
    `opened: ${job.hitl_message ?? "waiting for a decision"}`,
  );
  const { decision } = job;
  if (decision) {
    const by = decision.decided_by ? ` by ${decision.decided_by}` : "";
    const text = `was ${decision.outcome}${by}${why(decision.comment)}`;
    add(lines, `${job.job_id} decided`, decision.decided_at ?? job.ended_at, decision.outcome, job, text);
  } else if (job.status === "CANCELLED") {
    add(lines, `${job.job_id} cancelled`, job.ended_at, "CANCELLED", job, `was cancelled${why(job.reason)}`);
  }
}

function add(lines: DagEvent[], key: string, at: string | null, status: string, job: Job | null, text: string): void {
  if (at) lines.push({ key, at, status, job, text });
}

function why(reason: string | null): string {
  return reason ? `: ${reason}` : "";
}

const ENDS: Record<NonNullable<Attempt["outcome"]>, string> = {
  succeeded: "succeeded",
  failed: "failed",
  timed_out: "timed out",
  cancelled: "was cancelled",
  lost: "was lost with its worker",
  returned: "was returned by its worker",
};

/** Returns the outcome of an attempt: `failed after 3.0 s with exit code 2`. */
export function endOf(attempt: Attempt): string {
  if (!attempt.outcome) return "runs";
  const took = ofNanoseconds(attempt.duration_ns);
  const after = took === null ? "" : ` after ${duration(took)}`;
  const code = attempt.outcome === "failed" ? exitOf(attempt) : "";
  return `${ENDS[attempt.outcome]}${after}${code ? ` with ${code}` : ""}${why(attempt.error)}`;
}

/** Returns `exit code 2`, `signal 9`, or "" when unknown. */
export function exitOf(attempt: { exit_code: number | null; signal: number | null }): string {
  if (attempt.signal !== null) return `signal ${attempt.signal}`;
  return attempt.exit_code === null ? "" : `exit code ${attempt.exit_code}`;
}
