/** Agents, discovered from their runs. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api } from "./client";
import { useRefetchOnRuns } from "./query";

const PAGE_ROWS = 100;
const MOST_LIKE = 20;
const PAUSE_MS = 2000; // between two readings of sums over all runs of an agent

/** Agents by id, live. */
export function useAgents(q: string) {
  const found = useInfiniteQuery({
    queryKey: ["agents", q],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: PAGE_ROWS, ...(q && { q }), ...(pageParam && { cursor: pageParam }) };
      const { data } = await api.GET("/api/v1/agents", { params: { query }, signal });
      return { rows: data?.data ?? [], next: data?.next_cursor ?? null };
    },
    getNextPageParam: (page) => page.next,
  });
  useRefetchOnRuns(() => true, found.refetch, PAUSE_MS);
  const agents = useMemo(() => found.data?.pages.flatMap((page) => page.rows) ?? [], [found.data]);
  return { ...found, agents };
}

/** A few agents that a part of an id leads to. */
export function useAgentsLike(q: string, isAsked: boolean) {
  return useQuery({
    queryKey: ["agents-like", q],
    enabled: isAsked,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const query = { limit: MOST_LIKE, ...(q && { q }) };
      return (await api.GET("/api/v1/agents", { params: { query }, signal })).data?.data ?? [];
    },
  });
}

/** One agent's sums, days, trends and kinds of errors; live. */
export function useAgentStats(agent: string) {
  const found = useQuery({
    queryKey: ["agent-stats", agent],
    queryFn: async ({ signal }) =>
      (await api.GET("/api/v1/agents/{agent}/stats", { params: { path: { agent } }, signal })).data ?? null,
  });
  useRefetchOnRuns(({ agents }) => agents.has(agent), found.refetch, PAUSE_MS);
  return found;
}
