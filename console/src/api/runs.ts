import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { api } from "./client";
import type { Run } from "./facts";
import { queries, useRefetchOn, useTouched } from "./query";
import { allRows, type Pages, withRows } from "./rows";

export interface RunFilter {
  q: string;
  status: string[];
}

const PAGE_ROWS = 100;
const IDLE_MS = 120_000; // how long the server waits for a run's next stage before it calls the run ended
const RUN_PAUSE_MS = 500; // between two readings of a whole run with all its jobs
const SLACK_MS = 1_000;
const SILENCE_PAUSE_MS = 5_000; // between two looks at silent runs
const MOST_AT_ONCE = 200; // ids in one question

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
    structuralSharing: false, // what did not change keeps its object anyway; comparing 5,000 runs with stages is long work
    queryFn: async ({ pageParam, signal }) => {
      const page = { ...query, limit: PAGE_ROWS, ...(pageParam && { before: pageParam }) };
      const { data } = await api.GET("/api/runs", { params: { query: page }, signal });
      return { rows: data?.runs ?? [], more: data?.more ?? false, next: data?.next ?? null };
    },
    getNextPageParam: (page) => page.next,
  });
  async function reread(ids: string[]): Promise<void> {
    const { data } = await api.GET("/api/runs", { params: { query: { ...query, ids: ids.join() } } });
    queries.setQueryData<Pages<Run>>(key, (pages) => withRows(pages, ids, data?.runs ?? [], runId, isNewerRun));
  }
  useTouched((event) => event.agent_run_id, reread);
  const runs = useMemo(() => allRows(found.data), [found.data]);
  useSilentEnds(runs, reread);
  return { ...found, runs };
}

/** Reads runs again that may have ended without an event: nobody said so, they only stayed silent for long enough. */
function useSilentEnds(runs: readonly Run[], reread: (ids: string[]) => Promise<void>): void {
  const latest = useRef({ reread, lastAt: 0 });
  latest.current.reread = reread;
  useEffect(() => {
    const due = nextSilentEnd(runs);
    if (!due) return undefined;
    // Not again and again where the server's clock is behind this machine's.
    const at = Math.max(due.at, latest.current.lastAt + SILENCE_PAUSE_MS);
    const timer = window.setTimeout(() => {
      latest.current.lastAt = Date.now();
      void latest.current.reread(due.ids).catch(() => undefined);
    }, at - Date.now());
    return () => window.clearTimeout(timer);
  }, [runs]);
}

/** Returns the runs that are silent for longest, and when the server will take them for ended. */
export function nextSilentEnd(runs: readonly Run[]): { at: number; ids: string[] } | null {
  const silent = runs
    .filter((run) => run.status === "running" && (run.stages ?? []).every((stage) => stage.is_final))
    .map((run) => ({ id: run.agent_run_id, at: Date.parse(run.last_activity_at) + IDLE_MS + SLACK_MS }))
    .sort((one, other) => one.at - other.at)
    .slice(0, MOST_AT_ONCE);
  const [first] = silent;
  return first
    ? { at: first.at, ids: silent.filter((run) => run.at <= first.at + SLACK_MS).map((run) => run.id) }
    : null;
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

/** Reads a run again that somebody changed here, for every list that shows it: not every change makes an event. */
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
