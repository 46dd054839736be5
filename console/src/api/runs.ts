import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api } from "./client";
import type { Run } from "./facts";
import { queries, useTouched } from "./query";
import { allRows, type Pages, withRows } from "./rows";

export interface RunFilter {
  q: string;
  status: string[];
}

const PAGE_ROWS = 100;

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
    queryFn: async ({ pageParam, signal }) => {
      const page = { ...query, limit: PAGE_ROWS, ...(pageParam && { before: pageParam }) };
      const { data } = await api.GET("/api/runs", { params: { query: page }, signal });
      return { rows: data?.runs ?? [], more: data?.more ?? false };
    },
    getNextPageParam: (page) => (page.more ? (page.rows.at(-1)?.agent_run_id ?? null) : null),
  });
  useTouched(
    (event) => event.agent_run_id,
    async (ids) => {
      const { data } = await api.GET("/api/runs", { params: { query: { ...query, ids: ids.join() } } });
      queries.setQueryData<Pages<Run>>(key, (pages) => withRows(pages, ids, data?.runs ?? [], runId, isNewerRun));
    },
  );
  return { ...found, runs: allRows(found.data) };
}

/** One run with its stages and their jobs. */
export function useRun(id: string | null) {
  return useQuery({
    queryKey: ["run", id],
    enabled: id !== null,
    queryFn: async ({ signal }) =>
      (await api.GET("/api/runs/{run}", { params: { path: { run: id ?? "" } }, signal })).data ?? null,
  });
}

function runId(run: Run): string {
  return run.agent_run_id;
}

function isNewerRun(run: Run, than: Run): boolean {
  return run.started_at > than.started_at;
}
