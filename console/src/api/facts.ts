/** The server's facts by the names that pages use for them. */
import type { Schemas } from "./client";

export type Dag = Schemas["DagView"];
export type Job = Schemas["JobView"];
export type Attempt = Schemas["AttemptView"];
export type Gate = Schemas["GateView"];
export type Worker = Schemas["WorkerView"];
export type Queue = Schemas["QueueAnswer"];
export type QueueGroup = Schemas["QueueGroupView"];
export type LeftFile = Schemas["LeftFileView"];
export type Counts = Schemas["CountsView"];

export const STAGE_STATUSES = ["COMPLETED", "RUNNING", "FAILED", "PARTIAL", "WAITING"] as const;
export const RUN_STATUSES = ["running", "completed", "failed", "pending", "cancelled"] as const;
export const JOB_STATUSES = [
  "WAITING",
  "WAITING_APPROVAL",
  "READY",
  "RUNNING",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
] as const;

/** Jobs that will not run again. */
export function finalCount(counts: Counts): number {
  return counts.completed + counts.failed + counts.cancelled;
}
