/** Which jobs of a large stage to show: those that went wrong, those that go on, then the rest as submitted. */
import type { Job } from "../../api/facts";

const RANKS: Partial<Record<Job["status"], number>> = { FAILED: 0, WAITING_APPROVAL: 1, RUNNING: 2 };
const OTHER_RANK = 3;

export function mostTelling(jobs: readonly Job[], most: number): readonly Job[] {
  if (jobs.length <= most) return jobs;
  const chosen = jobs
    .map((job, at) => ({ job, at, rank: RANKS[job.status] ?? OTHER_RANK }))
    .sort((one, other) => one.rank - other.rank || one.at - other.at)
    .slice(0, most);
  return chosen.sort((one, other) => one.at - other.at).map(({ job }) => job);
}
