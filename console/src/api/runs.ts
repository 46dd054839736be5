import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api } from "./client";
import type { Run } from "./facts";
import { LIST_STALE_MS, queries, useRefetchOn, useTouched } from "./query";
import { allRows, type Pages, withRows } from "./rows";

export interface RunFilter {
  q: string;
  status: string[];
}

const PAGE_ROWS = 100;
const RUN_PAUSE_MS = 500; // between two readings of a whole run with all its jobs

/** Agent runs with their stages, newest first, live. */
export function useRuns(filter: RunFilter) {
  const key = ["runs", filter.q, filter.status.join()];
  const query = {
    stages: true,
    ...(filter.q && { q: filter.q }),
    ...(filter.status.length && { status: filter.status.join() }),
  };
  const found = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    staleTime: LIST_STALE_MS,
    structuralSharing: false, // what did not change keeps its object anyway; comparing 5,000 runs with stages is long work
    queryFn: async ({ pageParam, signal }) => {
      const page = { ...query, limit: PAGE_ROWS, ...(pageParam && { before: pageParam }) };
      const { data } = await api.GET("/api/runs", { params: { query: page }, signal });
      return { rows: data?.runs ?? [], more: data?.more ?? false, next: data?.next ?? null };
    },
    getNextPageParam: (page) => page.next,
  });
  useTouched(
    key,
    (event) => event.agent_run_id,
    async (ids) => {
      const { data } = await api.GET("/api/runs", { params: { query: { ...query, ids: ids.join() } } });
      queries.setQueryData<Pages<Run>>(key, (pages) => withRows(pages, ids, data?.runs ?? [], runId, isNewerRun));
    },
  );
  const runs = useMemo(() => allRows(found.data), [found.data]);
  return { ...found, runs };
}

/** One run with its stages and their jobs, live. */
export function useRun(id: string) {
  const found = useQuery({
    queryKey: ["run", id],
    queryFn: async ({ signal }) =>
      (await api.GET("/api/runs/{run}", { params: { path: { run: id } }, signal })).data ?? null,
  });
  useRefetchOn((event) => event.agent_run_id === id, found.refetch, RUN_PAUSE_MS);
  return found;
}

/** Reads a run again that somebody pinned or unpinned, for every list that shows it: that makes no event. */
export async function rereadRun(id: string): Promise<void> {
  const { data } = await api.GET("/api/runs", { params: { query: { stages: true, ids: id } } });
  const fresh = data?.runs[0];
  if (!fresh) return;
  queries.setQueriesData<Pages<Run>>({ queryKey: ["runs"] }, (pages) => pages && withRow(pages, fresh));
  await queries.invalidateQueries({ queryKey: ["run", id] });
}

function withRow(pages: Pages<Run>, fresh: Run): Pages<Run> {
  const renewed = (run: Run) => (run.agent_run_id === fresh.agent_run_id ? fresh : run);
  return { ...pages, pages: pages.pages.map((page) => ({ ...page, rows: page.rows.map(renewed) })) };
}

function runId(run: Run): string {
  return run.agent_run_id;
}

function isNewerRun(run: Run, than: Run): boolean {
  return run.started_at > than.started_at;
}
