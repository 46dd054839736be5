import type { RunView } from "../api/recorded";

type Run = Pick<RunView, "status" | "reason" | "first_error">;

/** Returns why a run failed, as its end says it; else what failed in it first, which it may have got over. Null for others. */
export function whyFailed(run: Run): string | null {
  return run.status === "failed" ? run.reason || run.first_error : null;
}

/** Returns why a run ended as it did: what its end says, and of a failed one that says nothing what failed first. */
export function whyEnded(run: Run): string | null {
  return whyFailed(run) ?? (run.reason || null);
}
