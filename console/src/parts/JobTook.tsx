import type { Job } from "../api/facts";
import { duration, NOTHING, ofNanoseconds } from "./format";
import { Took } from "./Time";

/**
 * How long a job's last attempt took, as its worker measured it; while it runs, how long ago it began. Of a gate, how long it was
 * open. Nothing while it has not begun.
 */
export function JobTook({ job }: { job: Job }) {
  if (job.kind === "gate") return job.ready_at ? <Took from={job.ready_at} to={job.ended_at} /> : null;
  if (!job.leased_at) return null;
  if (job.ended_at) return <>{job.duration_ns === null ? NOTHING : duration(ofNanoseconds(job.duration_ns))}</>;
  return job.status === "RUNNING" ? <Took from={job.leased_at} to={null} /> : null;
}
