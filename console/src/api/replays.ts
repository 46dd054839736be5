/** Replays of a run, its determinism issues, and the versions of an agent. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useChange } from "./changes";
import { api, type Schemas } from "./client";
import { ofProject } from "./project";
import { queries, useRefetchOnRuns } from "./query";
import type { ActionDetailView } from "./run";
import type { OriginChoice, RunView } from "./types";

export type Replay = Schemas["ReplayView"];
export type Replays = Schemas["ReplaysAnswer"];
export type ReplayDetail = Schemas["ReplayDetailView"];
export type ReplayMetrics = Schemas["ReplayMetrics"];
export type Finding = Schemas["FindingView"];
export type Divergence = Schemas["DivergenceView"];
export type ComparedRow = Schemas["ComparedRowView"];
export type Comparison = Schemas["ComparisonView"];
export type ReExecution = Schemas["ReExecutionView"];

const RUNNING_MS = 500; // progress sends no event

function replaysKey(run: string): string[] {
  return ["replays", run];
}

/** The value of `against` in the address that checks the recording although code is stored. */
export const SELF_CHECK = "self_check";

async function readReplays(run: string, signal?: AbortSignal): Promise<Replays> {
  const params = { path: { run } };
  const { data } = await api.GET("/api/v1/runs/{run}/replays", { params, ...(signal ? { signal } : {}) });
  return data ?? { data: [], execution_reason: null };
}

/** The replays of a run, newest first, and why no worker can execute it. */
export function useReplays(run: string) {
  return useQuery<Replays>({
    queryKey: replaysKey(run),
    refetchInterval: ({ state }) => (state.data?.data.some(isRunning) ? RUNNING_MS : false),
    queryFn: async ({ signal }) => readReplays(run, signal),
  });
}

/** One replay with its result, polled until it ends. Reported replays have no more than their row. */
export function useReplay(run: string, replay: Replay | undefined) {
  const id = replay?.id ?? "";
  return useQuery<ReplayDetail | null>({
    queryKey: [...replaysKey(run), id],
    enabled: replay !== undefined && replay.level !== "reported",
    refetchInterval: ({ state }) => (state.data && isRunning(state.data) ? RUNNING_MS : false),
    queryFn: async ({ signal }) =>
      (await api.GET("/api/v1/runs/{run}/replays/{replay}", { params: { path: { run, replay: id } }, signal })).data ??
      null,
  });
}

/**
 * Starts a replay: compares with another run; without one, executes the run's stored code; where none is stored or
 * SELF_CHECK is chosen, checks the recording.
 */
export function useStartReplay(run: string, started: (replay: Replay) => void) {
  return useChange(
    async (against: string | null, headers) => {
      const isCompared = against !== null && against !== SELF_CHECK;
      const isExecuted = against === null && (await readReplays(run)).execution_reason === null;
      const level = isCompared ? "compare" : isExecuted ? "re_execute" : "self_check";
      const withRun = isCompared ? against : null;
      const body = { level, with_run: withRun, report: null, runs: 3, no_sandbox: false } as const;
      return (await api.POST("/api/v1/runs/{run}/replays", { params: { path: { run } }, body, headers })).data;
    },
    () => null,
    (replay) => {
      void queries.invalidateQueries({ queryKey: replaysKey(run) });
      if (replay) started(replay);
    },
  );
}

export function useCancelReplay(run: string) {
  return useChange(
    async (replay: string) => {
      await api.POST("/api/v1/runs/{run}/replays/{replay}/cancel", { params: { path: { run, replay } } });
    },
    "Replay cancelled.",
    () => void queries.invalidateQueries({ queryKey: replaysKey(run) }),
  );
}

/** One action of any run; not requested without an id. */
export function useActionOf(run: string, action: string | null) {
  return useQuery<ActionDetailView | null>({
    queryKey: ["action", run, action, "compared"],
    enabled: action !== null,
    queryFn: async ({ signal }) => {
      const path = { run, action: action ?? "" };
      return (await api.GET("/api/v1/runs/{run}/actions/{action}", { params: { path }, signal })).data ?? null;
    },
  });
}

export function isRunning(replay: Replay): boolean {
  return replay.state === "running";
}

export type Determinism = Schemas["DeterminismAnswer"];
export type Issue = Schemas["IssueView"];
export type Measured = Schemas["MeasuredView"];
export type Band = NonNullable<Determinism["band"]>;
export type AgentVersion = Schemas["AgentVersionView"];

const PAUSE_MS = 5000; // between two reloads of an agent's versions

/** The determinism of a run; reloaded when it ends and when its score changes. */
export function useDeterminism({ run_id: run, status, determinism }: RunView) {
  return useQuery<Determinism | null>({
    queryKey: ["determinism", run, status, determinism],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) =>
      (await api.GET("/api/v1/runs/{run}/determinism", { params: { path: { run } }, signal })).data ?? null,
  });
}

/** Accepts an issue in all runs of the agent. */
export function useAcceptIssue(run: string, then: () => void) {
  return useChange(
    async ({ issue, reason }: { issue: string; reason: string }) => {
      const params = { path: { run, issue } };
      await api.PUT("/api/v1/runs/{run}/determinism/accepted/{issue}", { params, body: { reason, author: null } });
    },
    "Accepted in all runs of this agent.",
    () => {
      refetchDeterminism(run);
      then();
    },
  );
}

/** Withdraws the acceptance of an issue. */
export function useWithdrawAcceptance(run: string) {
  return useChange(
    async (issue: string) => {
      const params = { path: { run, issue } };
      await api.DELETE("/api/v1/runs/{run}/determinism/accepted/{issue}", { params });
    },
    "The issue counts again.",
    () => refetchDeterminism(run),
  );
}

function refetchDeterminism(run: string): void {
  void queries.invalidateQueries({ queryKey: ["determinism", run] });
}

/** An agent's versions by code digest, and the difference between two; live. */
export function useAgentVersions(agent: string, origin: OriginChoice, before: string | null, after: string | null) {
  const found = useQuery({
    queryKey: ["agent-versions", agent, origin, before, after],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const query = { origin, ...(before && { before }), ...(after && { after }) };
      const params = { path: { agent }, query };
      return (await api.GET("/api/v1/agents/{agent}/versions", { params, signal })).data ?? null;
    },
  });
  useRefetchOnRuns(({ agents }) => agents.has(agent), found.refetch, PAUSE_MS);
  return found;
}

/** Returns the address of a run's reproducibility report. */
export function reportPath(run: string, format: "html" | "json"): string {
  return ofProject(`/api/v1/runs/${encodeURIComponent(run)}/determinism/report?format=${format}`);
}
