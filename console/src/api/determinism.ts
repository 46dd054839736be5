/** How reproducible a run is, what of it people accept, and an agent's versions. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useChange } from "./changes";
import { api, type Schemas } from "./client";
import { ofProject } from "./project";
import { queries, useRefetchOnRuns } from "./query";
import type { RunView } from "./recorded";

export type Determinism = Schemas["DeterminismAnswer"];
export type Issue = Schemas["IssueView"];
export type AcceptedIssue = Schemas["AcceptedIssueView"];
export type Measured = Schemas["MeasuredView"];
export type Band = NonNullable<Determinism["band"]>;
export type AgentVersion = Schemas["AgentVersionView"];

const PAUSE_MS = 5000; // between two readings of an agent's versions

/** What is known of a run; read again when it ends and when its score changes. */
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
      readAgain(run);
      then();
    },
  );
}

/** Lets an accepted issue count again. */
export function useWithdrawAcceptance(run: string) {
  return useChange(
    async (issue: string) => {
      const params = { path: { run, issue } };
      await api.DELETE("/api/v1/runs/{run}/determinism/accepted/{issue}", { params });
    },
    "The issue counts again.",
    () => readAgain(run),
  );
}

function readAgain(run: string): void {
  void queries.invalidateQueries({ queryKey: ["determinism", run] });
}

/** An agent's versions by their code, and how two of them differ; live. */
export function useAgentVersions(agent: string, before: string | null, after: string | null) {
  const found = useQuery({
    queryKey: ["agent-versions", agent, before, after],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const query = { ...(before && { before }), ...(after && { after }) };
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
