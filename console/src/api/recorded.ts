/**
 * What is recorded of runs, as `titan.server.wire_runs` sends it. Costs are texts of US dollars, exact to twelve places;
 * what is unknown is null. Written by hand until `schema.d.ts` has these routes.
 */
import type { Run } from "./facts";

export type RunStatus = Run["status"];
export type Window = "24h" | "7d" | "30d" | "all";
export type RunSort = "started" | "cost" | "duration" | "actions" | "success_rate";
export type LedgerSort = "time" | "cost" | "duration";
export type Order = "asc" | "desc";
export type ActionKind = "model" | "tool" | "call" | "agent" | "step" | "turn" | "thought" | "handoff" | "event";
export type Outcome = "success" | "error" | "blocked" | "rejected" | "replayed" | "idempotent_replay";
export type Impact = "read" | "low" | "medium" | "high";
export type Effect = "external" | "local";
export type ExportFormat = "csv" | "json" | "jsonl";

export const WINDOWS: readonly Window[] = ["24h", "7d", "30d", "all"];
export const RUN_SORTS: readonly RunSort[] = ["started", "cost", "duration", "actions", "success_rate"];
export const LEDGER_SORTS: readonly LedgerSort[] = ["time", "cost", "duration"];
export const OUTCOMES: readonly Outcome[] = [
  "success",
  "error",
  "blocked",
  "rejected",
  "replayed",
  "idempotent_replay",
];
export const CALL_KINDS = ["model", "tool", "call"] as const satisfies readonly ActionKind[];

export interface RegistryQuery {
  status?: string;
  min_cost?: string;
  window?: Window;
  agent_id?: string;
  session_id?: string;
  q?: string;
  ids?: string;
  sort?: RunSort;
  order?: Order;
  cursor?: string;
  limit?: number;
  include_archived?: boolean;
}

export interface TallyView {
  calls: number;
  running: number;
  attempts: number;
  success: number;
  error: number;
  blocked: number;
  rejected: number;
  replayed: number;
  cost_usd: string;
  attempted_cost_usd: string;
  prevented_cost_usd: string;
  saved_cost_usd: string;
  input_tokens: number;
  output_tokens: number;
  success_rate: number | null;
}

export interface ProgressView {
  share: number;
  source: "told" | "estimated";
  done: number | null;
  total: number | null;
}

export interface RecordedRunView {
  run_id: string;
  agent_id: string;
  session_id: string | null;
  name: string | null;
  status: RunStatus;
  status_source: "explicit" | "inferred" | "stages";
  reason: string | null;
  started_at: string;
  ended_at: string | null;
  last_event_at: string;
  duration_ms: number | null;
  tally: TallyView;
  progress: ProgressView | null;
  has_stages: boolean;
  first_error_id: string | null;
  first_error: string | null;
  tags: string[];
  is_pinned: boolean;
  archived_at: string | null;
}

export interface ElsewhereView {
  in_all_time: number;
  similar_agents: string[];
}

export interface RegistryAnswer {
  data: RecordedRunView[];
  next_cursor: string | null;
  total: number;
  is_total_capped: boolean;
  elsewhere: ElsewhereView | null;
}

export interface InterceptReason {
  kind: "error" | "over_budget" | "high_intervention";
  told: string;
}

export interface InterceptView {
  run: RecordedRunView;
  reasons: InterceptReason[];
}

export interface InterceptsAnswer {
  data: InterceptView[];
  more: boolean;
}

/** All actions of a run as columns of equal length: see `wire_runs.SkeletonAnswer` for what -1 and 0 mean. */
export interface SkeletonAnswer {
  version: number;
  run: RecordedRunView;
  names: string[];
  models: string[];
  actors: string[];
  error_types: string[];
  number: number[];
  id: string[];
  parent: number[];
  kind: ActionKind[];
  name: number[];
  model: number[];
  actor: number[];
  error_type: number[];
  start_us: number[];
  duration_ns: number[];
  outcome: (Outcome | null)[];
  cost_usd: (string | null)[];
  tokens: number[];
}

export interface ActionView {
  id: string;
  number: number;
  run_id: string;
  agent_id: string;
  kind: ActionKind;
  name: string;
  parent_id: string | null;
  actor: string | null;
  started_at: string;
  ended_at: string | null;
  duration_ms: number | null;
  outcome: Outcome | null;
  cost_usd: string | null;
  is_cost_estimated: boolean;
  model: string | null;
  provider: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  error_type: string | null;
  error_message: string | null;
  impact: Impact | null;
  effect: Effect | null;
  tags: string[];
  is_redacted: boolean;
}

export interface LedgerQuery {
  page?: number;
  page_size?: number;
  outcome?: string;
  action_name?: string;
  kind?: string;
  agent_id?: string;
  run_id?: string;
  min_cost?: string;
  max_cost?: string;
  start_date?: string;
  end_date?: string;
  search?: string;
  sort_by?: LedgerSort;
  sort_order?: Order;
}

export interface LedgerAnswer {
  data: ActionView[];
  page: number;
  page_size: number;
  total: number;
  is_total_capped: boolean;
}

export interface AgentView {
  agent_id: string;
  first_seen_at: string;
  last_seen_at: string;
  runs: number;
  running: number;
  completed: number;
  failed: number;
  cost_usd: string;
  calls: number;
  attempts: number;
  success: number;
}

export interface AgentsAnswer {
  data: AgentView[];
  next_cursor: string | null;
}

export interface ErrorTypeView {
  type: string;
  count: number;
  first_seen_at: string;
  last_seen_at: string;
  example_run_id: string;
  example_action_id: string;
}

export interface TrendDay {
  day: string;
  runs: number;
  failed: number;
  attempts: number;
  success: number;
  cost_usd: string;
}

export interface TrendView {
  figure: "success_rate" | "cost_per_run";
  verdict: "up" | "down" | "same" | "too_few";
  before: number | null;
  now: number | null;
  told: string;
}

export interface AgentStatsView {
  agent: AgentView;
  days: TrendDay[];
  trends: TrendView[];
  errors: ErrorTypeView[];
}

/** POST /api/v1/import: what of a JSONL export came, and how many of its lines told nothing new. */
export interface ImportAnswer {
  runs: number;
  actions: number;
  skipped: number;
}

/** Live: something was heard of these runs; what shows them is read again. */
export interface RunHeardFrame {
  runs: string[];
  agents: string[];
  cursor: string;
}

interface Answer<Body> {
  200: { headers: Record<string, unknown>; content: { "application/json": Body } };
}

interface Read<Body, Query = never, Path = undefined> {
  get: {
    parameters: { query?: Query; header?: never; cookie?: never } & (Path extends undefined
      ? { path?: never }
      : { path: Path });
    requestBody?: never;
    responses: Answer<Body>;
  };
}

/** The routes, as `openapi-typescript` writes them. */
export interface RecordedPaths {
  "/api/v1/runs": Read<RegistryAnswer, RegistryQuery>;
  "/api/v1/runs/{run}/skeleton": Read<SkeletonAnswer, { after?: number }, { run: string }>;
  "/api/v1/intercepts": Read<InterceptsAnswer, { window?: Window; agent_id?: string; limit?: number }>;
  "/api/v1/ledger": Read<LedgerAnswer, LedgerQuery>;
  "/api/v1/agents": Read<AgentsAnswer, { q?: string; cursor?: string; limit?: number }>;
  "/api/v1/agents/{agent}/stats": Read<AgentStatsView, never, { agent: string }>;
}
