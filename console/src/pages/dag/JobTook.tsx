import type { Job } from "../../api/facts";
import { duration } from "../../parts/format";
import { Took } from "../../parts/Time";

/** How long a job took, all its attempts and pauses together; counts on while it runs. Nothing while it has not begun. */
export function JobTook({ job }: { job: Job }) {
  const from = job.kind === "gate" ? job.ready_at : job.started_at;
  if (!from) return null;
  if (job.ended_at) return <>{duration(Date.parse(job.ended_at) - Date.parse(from))}</>;
  return job.status === "RUNNING" || job.status === "WAITING_APPROVAL" ? <Took from={from} to={null} /> : null;
}
