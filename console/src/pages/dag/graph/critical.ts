/** The critical path: the chain of jobs whose time together is the longest. Shortening any other job ends nothing sooner. */
import type { Job } from "../../../api/facts";
import { linksOf } from "./shape";

export interface CriticalPath {
  /** Job ids, from the first to the last. */
  jobs: readonly string[];
  lengthMs: number;
}

export type Timed = Pick<Job, "job_id" | "name" | "parents" | "started_at" | "ended_at" | "ready_at" | "kind">;

/** Returns how long a job has taken so far: all its attempts and the pauses between them; a gate, how long it was open. */
export function lengthMs(job: Timed, now: number): number {
  const from = job.kind === "gate" ? job.ready_at : job.started_at;
  if (!from) return 0;
  return Math.max(0, (job.ended_at ? Date.parse(job.ended_at) : now) - Date.parse(from));
}

/** Returns the path, or none while nothing has begun. Of equally long ones, the one through earlier submitted jobs. */
export function criticalPath(jobs: readonly Timed[], now: number): CriticalPath {
  const { parents } = linksOf(jobs);
  const best = new Map<string, { until: number; before: string | null }>();
  let last: string | null = null;
  for (const job of parentsFirst(jobs, parents)) {
    let before: string | null = null;
    let sum = 0;
    for (const parent of parents.get(job.job_id) ?? []) {
      const until = best.get(parent)?.until ?? 0;
      if (until > sum) [before, sum] = [parent, until];
    }
    const own = lengthMs(job, now);
    best.set(job.job_id, { until: sum + own, before });
    // Only what took time itself can be the end: what still waits adds nothing.
    if (own > 0 && sum + own > (last ? (best.get(last)?.until ?? 0) : 0)) last = job.job_id;
  }
  const path: string[] = [];
  for (let at = last; at !== null; at = best.get(at)?.before ?? null) path.push(at);
  return { jobs: path.reverse(), lengthMs: last ? (best.get(last)?.until ?? 0) : 0 };
}

/** Parents may be submitted behind their children: the order within a DAG is free. */
function parentsFirst<One extends Timed>(
  jobs: readonly One[],
  parents: ReadonlyMap<string, readonly string[]>,
): readonly One[] {
  const byId = new Map(jobs.map((job) => [job.job_id, job]));
  const ordered: One[] = [];
  const seen = new Set<string>();
  for (const job of jobs) {
    const stack = [job.job_id];
    while (stack.length > 0) {
      const id = stack[stack.length - 1] as string;
      const missing = seen.has(id) ? [] : (parents.get(id) ?? []).filter((parent) => !seen.has(parent));
      if (missing.length > 0) {
        stack.push(...missing);
        continue;
      }
      stack.pop();
      const found = byId.get(id);
      if (found && !seen.has(id)) ordered.push(found);
      seen.add(id);
    }
  }
  return ordered;
}
