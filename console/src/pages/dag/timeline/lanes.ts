/** The rows of the timeline. */
import type { Attempt, Job } from "../../../api/types";

export type Outcome = NonNullable<Attempt["outcome"]> | "running" | "waiting" | "gate";

export interface Bar {
  key: string;
  job: Job;
  /** Null for a job that waits, and for a gate. */
  attempt: Attempt | null;
  outcome: Outcome;
  /** When it started to wait; it ran from `from` on. */
  waitedFrom: number;
  from: number;
  /** Null while it runs. */
  to: number | null;
}

export interface Lane {
  key: string;
  /** The job's name, or the worker's. */
  name: string;
  /** The slot of a worker, from 1; null for a job. */
  slot: number | null;
  bars: readonly Bar[];
}

export interface Span {
  from: number;
  to: number;
}

/** Returns a row for each job that became ready, in submission order. */
export function lanesByJob(jobs: readonly Job[]): Lane[] {
  return jobs
    .map((job) => ({ key: job.job_id, name: job.name, slot: null, bars: barsOf(job) }))
    .filter((lane) => lane.bars.length > 0);
}

/**
 * Returns a row for each slot of each worker. The server does not report slots, so attempts are assigned to the first
 * free one. Bars start when the process started, because waiting uses no slot.
 */
export function lanesByWorker(jobs: readonly Job[]): Lane[] {
  const bars = jobs.flatMap((job) => barsOf(job)).filter((bar) => bar.attempt !== null);
  const workers = new Map<string, Bar[]>();
  for (const bar of bars) {
    const id = bar.attempt?.worker_id ?? "";
    const own = workers.get(id);
    const taken = { ...bar, waitedFrom: bar.from };
    if (own) own.push(taken);
    else workers.set(id, [taken]);
  }
  return [...workers.entries()]
    .map(([id, own]) => ({ id, own, name: own[0]?.attempt?.worker ?? id }))
    .sort((one, other) => one.name.localeCompare(other.name) || one.id.localeCompare(other.id))
    .flatMap(({ id, own, name }) =>
      slotsOf(own).map((slot, at): Lane => ({ key: `${id} ${at}`, name, slot: at + 1, bars: slot })),
    );
}

function slotsOf(bars: Bar[]): Bar[][] {
  const slots: { bars: Bar[]; freeAt: number }[] = [];
  for (const bar of [...bars].sort((one, other) => one.waitedFrom - other.waitedFrom)) {
    const until = bar.to ?? Number.POSITIVE_INFINITY;
    const free = slots.find((slot) => slot.freeAt <= bar.waitedFrom);
    if (free) {
      free.bars.push(bar);
      free.freeAt = until;
    } else {
      slots.push({ bars: [bar], freeAt: until });
    }
  }
  return slots.map((slot) => slot.bars);
}

function barsOf(job: Job): Bar[] {
  if (job.kind === "gate") return gateBar(job);
  const bars: Bar[] = [];
  for (const attempt of job.attempts ?? []) {
    const leased = timeOf(attempt.leased_at) ?? 0;
    const from = Math.max(leased, timeOf(attempt.started_at) ?? leased);
    const waitedFrom = Math.min(timeOf(attempt.ready_at) ?? leased, leased);
    const to = endOf(attempt);
    const outcome = attempt.outcome ?? "running";
    bars.push({ key: `${job.job_id} ${attempt.attempt} ${leased}`, job, attempt, outcome, waitedFrom, from, to });
  }
  const since = timeOf(job.ready_at);
  if (job.status === "READY" && since !== null) {
    bars.push({
      key: `${job.job_id} ready`,
      job,
      attempt: null,
      outcome: "waiting",
      waitedFrom: since,
      from: since,
      to: null,
    });
  }
  return bars;
}

/** Returns when an attempt's process ended, which its worker may report later; null while it runs. */
function endOf(attempt: Attempt): number | null {
  const began = timeOf(attempt.started_at);
  const reported = timeOf(attempt.ended_at);
  if (began === null || reported === null || attempt.duration_ns == null) return reported;
  return Math.min(reported, began + attempt.duration_ns / 1e6);
}

function gateBar(job: Job): Bar[] {
  const opened = timeOf(job.ready_at);
  if (opened === null) return [];
  const to = timeOf(job.ended_at);
  return [{ key: job.job_id, job, attempt: null, outcome: "gate", waitedFrom: opened, from: opened, to }];
}

/** Returns the time range of all bars; at least a tenth of a second, because it is a divisor. */
export function spanOf(lanes: readonly Lane[], now: number): Span {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const lane of lanes) {
    for (const bar of lane.bars) {
      from = Math.min(from, bar.waitedFrom);
      to = Math.max(to, bar.to ?? now);
    }
  }
  if (from > to) return { from: now, to: now + 1000 };
  return { from, to: Math.max(to, from + 100) };
}

const STEPS_MS = [
  10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000,
  1_800_000, 3_600_000, 7_200_000, 14_400_000, 28_800_000, 86_400_000,
];

/** Returns at most `most` marks of a time axis, from its start. */
export function ticks(span: Span, most: number): number[] {
  const length = span.to - span.from;
  const days = 86_400_000 * Math.max(1, Math.ceil(length / 86_400_000 / most));
  const step = STEPS_MS.find((one) => length / one <= most) ?? days;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => index * step);
}

function timeOf(at: string | null | undefined): number | null {
  return at ? Date.parse(at) : null;
}
