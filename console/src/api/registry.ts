/** Queries of runs, critical intercepts and agents, with their filters. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { notifyRunEnds } from "../components/runNotifications";
import { apiErrorOf } from "./apiError";
import { api } from "./client";
import { ofProject } from "./project";
import { LIST_STALE_MS, queries, useLiveRuns, useRefetchOn, useRefetchOnRuns } from "./query";
import { allRows, type Page, type Pages, withRuns } from "./rows";
import type {
  ElsewhereView,
  ImportAnswer,
  Order,
  OriginChoice,
  RegistryQuery,
  RunSort,
  RunView,
  Window,
} from "./types";

interface RegistryPage extends Page<RunView> {
  total: number;
  isCapped: boolean;
  /** Whether the search skipped older runs. */
  isSearchCapped: boolean;
  elsewhere: ElsewhereView | null;
}

const PAGE_ROWS = 200;
const PAGE_ROWS_WITH_STAGES = 100;
const INTERCEPTS_PAUSE_MS = 1000;

/** Runs, live: a run with new reports is reloaded on its own and moved to its place. */
export function useRegistry(filter: RegistryFilter) {
  const query = queryOf(filter);
  const key = ["registry", query];
  const rows = filter.withStages ? PAGE_ROWS_WITH_STAGES : PAGE_ROWS;
  const found = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    staleTime: LIST_STALE_MS,
    placeholderData: keepPreviousData,
    structuralSharing: false, // unchanged rows keep their objects anyway; comparing 10,000 runs is slow
    queryFn: async ({ pageParam, signal }): Promise<RegistryPage> => {
      const page = { ...query, limit: rows, ...(pageParam && { cursor: pageParam }) };
      const { data } = await api.GET("/api/v1/runs", { params: { query: page }, signal });
      return {
        rows: data?.data ?? [],
        more: Boolean(data?.next_cursor),
        next: data?.next_cursor ?? null,
        total: data?.total ?? 0,
        isCapped: data?.is_total_capped ?? false,
        isSearchCapped: data?.is_search_capped ?? false,
        elsewhere: data?.elsewhere ?? null,
      };
    },
    getNextPageParam: (page) => page.next ?? null,
  });
  async function reread(ids: string[]): Promise<void> {
    const { data } = await api.GET("/api/v1/runs", {
      params: { query: { ...query, ids: JSON.stringify(ids), limit: PAGE_ROWS } },
    });
    const fresh = data?.data ?? [];
    const before = allRows(queries.getQueryData<Pages<RunView>>(key));
    queries.setQueryData<Pages<RunView>>(key, (pages) => withRuns(pages, ids, fresh, filter));
    notifyRunEnds(before, fresh);
  }
  useLiveRuns(key, reread, filter.withStages);
  const runs = useMemo(() => allRows(found.data), [found.data]);
  const hasNextPage = found.hasNextPage && !found.isPlaceholderData; // placeholder data has the next page of another filter
  return { ...found, hasNextPage, runs, first: found.data?.pages[0] };
}

/** Runs that need attention, the latest first; live. */
export function useIntercepts(
  {
    window,
    origin,
    agent = "",
    q = "",
    acknowledged = false,
  }: { window: Window; origin: OriginChoice; agent?: string; q?: string; acknowledged?: boolean },
  limit = 20,
) {
  const query = {
    window,
    origin,
    limit,
    ...(agent && { agent_id: agent }),
    ...(q && { q }),
    ...(acknowledged && { include_acknowledged: true }),
  };
  const found = useQuery({
    queryKey: ["intercepts", query],
    queryFn: async ({ signal }) => (await api.GET("/api/v1/intercepts", { params: { query }, signal })).data ?? null,
  });
  useRefetchOnRuns(({ agents }) => !agent || agents.has(agent), found.refetch, INTERCEPTS_PAUSE_MS);
  return found;
}

/** All actions of a run in columns; reloaded while it runs. */
export function useSkeleton(run: string) {
  const found = useQuery({
    queryKey: ["skeleton", run],
    enabled: run !== "",
    queryFn: async ({ signal }) =>
      (await api.GET("/api/v1/runs/{run}/skeleton", { params: { path: { run } }, signal })).data ?? null,
  });
  useRefetchOnRuns(({ runs }) => runs.has(run), found.refetch, INTERCEPTS_PAUSE_MS);
  return found;
}

/** Reloads the lists after changes that send no event. */
export function refetchRegistry(): void {
  for (const name of ["registry", "intercepts", "agents"]) void queries.invalidateQueries({ queryKey: [name] });
}

/** Uploads a JSONL export, with `isPartial` also a truncated one, and reloads the lists. */
export async function importRuns(
  file: File,
  isPartial: boolean,
  headers: Record<string, string>,
): Promise<ImportAnswer> {
  const answer = await fetch(ofProject(`/api/v1/import${isPartial ? "?partial=true" : ""}`), {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/jsonl" },
    body: file,
  });
  if (!answer.ok) throw await apiErrorOf(answer);
  refetchRegistry();
  return (await answer.json()) as ImportAnswer;
}

export interface RegistryFilter {
  status: readonly string[];
  minCost: string;
  /** Only runs with a lower determinism score; "" for all. */
  determinismBelow: string;
  window: Window;
  origin: OriginChoice;
  agent: string;
  session: string;
  tag: string;
  q: string;
  sort: RunSort;
  order: Order;
  hasArchived: boolean;
  /** Only runs that submitted DAGs; `q` then matches their id or agent only. */
  hasStages?: boolean;
  /** Whether each run comes with its stages. */
  withStages?: boolean;
}

export const ALL_RUNS: RegistryFilter = {
  status: [],
  minCost: "",
  determinismBelow: "",
  window: "7d",
  origin: "production",
  agent: "",
  session: "",
  tag: "",
  q: "",
  sort: "started",
  order: "desc",
  hasArchived: false,
};

/** Returns the query parameters without defaults, so that equal queries share a key. */
export function queryOf(filter: RegistryFilter): RegistryQuery {
  return {
    window: filter.window,
    origin: filter.origin,
    sort: filter.sort,
    order: filter.order,
    ...(filter.status.length > 0 && { status: filter.status.join() }),
    ...(filter.minCost && { min_cost: filter.minCost }),
    ...(filter.determinismBelow && { determinism_below: Number(filter.determinismBelow) }),
    ...(filter.agent && { agent_id: filter.agent }),
    ...(filter.session && { session_id: filter.session }),
    ...(filter.tag && { tag: filter.tag }),
    ...(filter.q && { q: filter.q }),
    ...(filter.hasArchived && { include_archived: true }),
    ...(filter.hasStages && { has_stages: true, ...(filter.q && { names_only: true }) }),
    ...(filter.withStages && { stages: true }),
  };
}

const AGENT_PAGE_ROWS = 100;
const MOST_LIKE = 20;
const PAUSE_MS = 2000; // between two reloads of totals over all runs of an agent

/** Agents by id, live. */
export function useAgents(q: string, origin: OriginChoice) {
  const found = useInfiniteQuery({
    queryKey: ["agents", q, origin],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: AGENT_PAGE_ROWS, origin, ...(q && { q }), ...(pageParam && { cursor: pageParam }) };
      const { data } = await api.GET("/api/v1/agents", { params: { query }, signal });
      return { rows: data?.data ?? [], next: data?.next_cursor ?? null };
    },
    getNextPageParam: (page) => page.next,
  });
  useRefetchOnRuns(() => true, found.refetch, PAUSE_MS);
  const agents = useMemo(() => found.data?.pages.flatMap((page) => page.rows) ?? [], [found.data]);
  return { ...found, agents };
}

/** The first agents whose id contains `q`. */
export function useAgentsLike(q: string, isAsked: boolean) {
  return useQuery({
    queryKey: ["agents-like", q],
    enabled: isAsked,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const query = { limit: MOST_LIKE, origin: "all" as const, ...(q && { q }) };
      return (await api.GET("/api/v1/agents", { params: { query }, signal })).data?.data ?? [];
    },
  });
}

/** One agent's totals, days, trends and error types; live. */
export function useAgentStats(agent: string, origin: OriginChoice) {
  const found = useQuery({
    queryKey: ["agent-stats", agent, origin],
    queryFn: async ({ signal }) =>
      (await api.GET("/api/v1/agents/{agent}/stats", { params: { path: { agent }, query: { origin } }, signal }))
        .data ?? null,
  });
  useRefetchOnRuns(({ agents }) => agents.has(agent), found.refetch, PAUSE_MS);
  return found;
}

/** Whether anything was ever submitted or recorded; undefined while loading. */
export function useHasBegun(): boolean | undefined {
  const { data, refetch } = useQuery({
    queryKey: ["home", "begun"],
    queryFn: async ({ signal }) => (await hasDags(signal)) || (await hasRecordedRuns(signal)),
  });
  useRefetchOn((event) => !data && event.kind === "DagSubmitted", refetch);
  useRefetchOnRuns(() => !data, refetch);
  return data;
}

async function hasDags(signal: AbortSignal): Promise<boolean> {
  const { data } = await api.GET("/api/dags", { params: { query: { limit: 1, origin: "all" } }, signal });
  return Boolean(data?.dags.length);
}

async function hasRecordedRuns(signal: AbortSignal): Promise<boolean> {
  const query = { window: "all", origin: "all", limit: 1, include_archived: true } as const;
  const { data } = await api.GET("/api/v1/runs", { params: { query }, signal });
  return Boolean(data?.data.length);
}
