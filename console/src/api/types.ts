/** Types of the server's answers, the values filters offer, and why a run ended. */
import type { Schemas } from "./client";
import type { paths } from "./schema";

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

/** Returns the number of jobs that have ended. */
export function finalCount(counts: Counts): number {
  return counts.completed + counts.failed + counts.cancelled;
}

export type RunView = Schemas["RunView"];
export type TallyView = Schemas["TallyView"];
export type ProgressView = Schemas["ProgressView"];
export type ElsewhereView = Schemas["ElsewhereView"];
export type InterceptReason = Schemas["InterceptReason"];
export type InterceptThresholds = Schemas["ThresholdsView"];
export type InterceptView = Schemas["InterceptView"];
export type SkeletonAnswer = Schemas["SkeletonAnswer"];
export type ActionView = Schemas["ActionView"];
export type AgentView = Schemas["AgentView"];
export type AgentStatsView = Schemas["AgentStatsView"];
export type ErrorTypeView = Schemas["ErrorTypeView"];
export type TrendDay = Schemas["TrendDay"];
export type TrendView = Schemas["TrendView"];

export type ImportAnswer = Schemas["ImportAnswer"];

export type RegistryQuery = NonNullable<paths["/api/v1/runs"]["get"]["parameters"]["query"]>;
export type LedgerQuery = NonNullable<paths["/api/v1/ledger"]["get"]["parameters"]["query"]>;

/** Time windows that pages offer; the server takes any number of minutes, hours, days or weeks. */
export type Window = "24h" | "7d" | "30d" | "all";
export type RunSort = NonNullable<RegistryQuery["sort"]>;
export type Order = NonNullable<RegistryQuery["order"]>;
export type LedgerSort = NonNullable<LedgerQuery["sort_by"]>;
export type ActionKind = ActionView["kind"];
export type Outcome = NonNullable<ActionView["outcome"]>;
export type Impact = NonNullable<ActionView["impact"]>;
export type Effect = NonNullable<ActionView["effect"]>;
type ExportQuery = NonNullable<paths["/api/v1/runs/export"]["get"]["parameters"]["query"]>;
export type ExportFormat = NonNullable<ExportQuery["format"]>;

/** What listed runs are for. */
export type OriginChoice = NonNullable<RegistryQuery["origin"]>;
export const ORIGINS: readonly OriginChoice[] = ["production", "evaluation", "all"];

export const WINDOWS: readonly Window[] = ["24h", "7d", "30d", "all"];
export const RUN_SORTS: readonly RunSort[] = ["started", "cost", "duration", "actions", "success_rate", "determinism"];
export const LEDGER_SORTS: readonly LedgerSort[] = ["time", "cost", "duration"];
export const OUTCOMES: readonly Outcome[] = [
  "success",
  "error",
  "blocked",
  "rejected",
  "replayed",
  "idempotent_replay",
];
/** Outcomes to filter the ledger by. */
export const LEDGER_OUTCOMES: readonly string[] = [...OUTCOMES, "running"];
/** The kinds that are calls; the others group them. */
export const CALL_KINDS = ["model", "tool", "call"] as const satisfies readonly ActionKind[];

type Run = Pick<RunView, "status" | "reason" | "first_error">;

/** Returns why a run failed: the reported reason, else its first error. Null for other runs. */
export function whyFailed(run: Run): string | null {
  return run.status === "failed" ? run.reason || run.first_error : null;
}

/** Returns why a run ended: the reported reason, else the first error of a failed run. */
export function whyEnded(run: Run): string | null {
  return whyFailed(run) ?? (run.reason || null);
}
