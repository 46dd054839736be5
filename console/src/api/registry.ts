/** Lists of runs, what needs attention among them, and two runs side by side. */

import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { tellEnds } from "../parts/runEnds";
import { api } from "./client";
import { ofProject } from "./project";
import { LIST_STALE_MS, queries, useHeardRuns, useRefetchOnRuns } from "./query";
import type { ElsewhereView, ImportAnswer, RunView, Window } from "./recorded";
import { refusalOf } from "./refusal";
import { queryOf, type RegistryFilter } from "./registryFilter";
import { withRuns } from "./registryOrder";
import { allRows, type Page, type Pages } from "./rows";

interface RegistryPage extends Page<RunView> {
  total: number;
  isCapped: boolean;
  /** Older runs may hold the words of the search, too. */
  isSearchCapped: boolean;
  elsewhere: ElsewhereView | null;
}

const PAGE_ROWS = 200;
const PAGE_ROWS_WITH_STAGES = 100;
const INTERCEPTS_PAUSE_MS = 1000;

/** Runs, live: a run of which something was reported is read again by itself, and takes its place. */
export function useRegistry(filter: RegistryFilter) {
  const query = queryOf(filter);
  const key = ["registry", query];
  const rows = filter.withStages ? PAGE_ROWS_WITH_STAGES : PAGE_ROWS;
  const found = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    staleTime: LIST_STALE_MS,
    placeholderData: keepPreviousData,
    structuralSharing: false, // what did not change keeps its object anyway; comparing 10,000 runs is long work
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
    tellEnds(before, fresh);
  }
  useHeardRuns(key, reread, filter.withStages);
  const runs = useMemo(() => allRows(found.data), [found.data]);
  const hasNextPage = found.hasNextPage && !found.isPlaceholderData; // that would be the next one of another filter
  return { ...found, hasNextPage, runs, first: found.data?.pages[0] };
}

/** Runs that need attention, the latest first; live. */
export function useIntercepts(
  {
    window,
    agent = "",
    q = "",
    acknowledged = false,
  }: { window: Window; agent?: string; q?: string; acknowledged?: boolean },
  limit = 20,
) {
  const query = {
    window,
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

/** All actions of a run in columns; read again while it runs. */
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

/** Reads the lists anew: runs came, left or changed in a way that makes no event. */
export function rereadRegistry(): void {
  for (const name of ["registry", "intercepts", "agents"]) void queries.invalidateQueries({ queryKey: [name] });
}

/** Sends a JSONL export, a partial one where what there is of it will do; the lists are read anew when it has come. */
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
  if (!answer.ok) throw await refusalOf(answer);
  rereadRegistry();
  return (await answer.json()) as ImportAnswer;
}
