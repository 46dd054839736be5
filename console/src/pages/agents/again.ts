/** Whether and how a run can go on: what its row offers, and who would do it. */
import type { RunView } from "../../api/recorded";

/** Who submits the stages of a run: a program outside of Titan, a job, both in turn, or nobody that is known. */
export interface Makers {
  program: NonNullable<RunView["orchestrator"]> | null;
  job: string | null;
}

export function makersOf(run: RunView): Makers {
  return { program: run.orchestrator ?? null, job: run.stages?.findLast((stage) => stage.made_by)?.made_by ?? null };
}

/** Returns whether a run has something to cancel. */
export function isLive(run: RunView): boolean {
  return run.status === "running" || run.status === "pending";
}

/**
 * Returns whether a run broke off somewhere, so that going on makes sense. One that counts as running may have broken off too
 * where a job submits its stages: nothing of it is live, and the server knows whether that job is. Of a program outside nobody
 * knows, so its run is waited for.
 */
export function canGoOn(run: RunView): boolean {
  const stages = run.stages ?? [];
  if (stages.some((stage) => !stage.is_final)) return false;
  if (run.status === "failed" || run.status === "cancelled") return true;
  const isIncomplete = stages.some((stage) => stage.status !== "COMPLETED");
  return isIncomplete && (run.status === "completed" || makersOf(run).job !== null);
}
