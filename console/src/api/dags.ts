import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api } from "./client";
import type { Dag, Job } from "./facts";
import { LIST_STALE_MS, queries, useTouched } from "./query";
import { allRows, type Pages, withRows } from "./rows";

export interface DagFilter {
  q?: string;
  status?: string[];
  /** Only submissions of exactly this name. */
  name?: string;
}

const PAGE_ROWS = 100;

/** Submissions, newest first, live; `countsJobs` false: only as they come and end, not with each of their jobs. */
export function useDags(filter: DagFilter, countsJobs = true) {
  const key = ["dags", filter.q ?? "", (filter.status ?? []).join(), filter.name ?? ""];
  const query = {
    ...(filter.q && { q: filter.q }),
    ...(filter.status?.length && { status: filter.status.join() }),
    ...(filter.name && { name: filter.name }),
  };
  const found = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    staleTime: LIST_STALE_MS,
    structuralSharing: false, // what did not change keeps its object anyway
    queryFn: async ({ pageParam, signal }) => {
      const page = { ...query, limit: PAGE_ROWS, ...(pageParam && { before: pageParam }) };
      const { data } = await api.GET("/api/dags", { params: { query: page }, signal });
      return { rows: data?.dags ?? [], more: data?.more ?? false, next: data?.next ?? null };
    },
    getNextPageParam: (page) => page.next,
  });
  useTouched(
    key,
    (event) => (countsJobs || event.kind.startsWith("Dag") ? event.dag_id : null),
    async (ids) => {
      const { data } = await api.GET("/api/dags", { params: { query: { ...query, ids: ids.join() } } });
      queries.setQueryData<Pages<Dag>>(key, (pages) => withRows(pages, ids, data?.dags ?? [], dagId, isNewerDag));
    },
  );
  const dags = useMemo(() => allRows(found.data), [found.data]);
  return { ...found, dags };
}

/** One submission with its jobs, live: a changed job is read again by itself. */
export function useDag(name: string) {
  const key = ["dag", name];
  const found = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      return (await api.GET("/api/dags/{dag}", { params: { path: { dag: name } }, signal })).data ?? null;
    },
  });
  const id = found.data?.dag_id; // not known before the first answer: until then every submission's events may be its
  useTouched(
    key,
    (event) => (event.dag_id && event.dag_id === (id ?? event.dag_id) ? `${event.dag_id} ${event.job_id ?? ""}` : null),
    async (touched) => {
      const id = queries.getQueryData<Dag | null>(key)?.dag_id;
      const own = touched.filter((one) => one.startsWith(`${id} `));
      if (!id || own.length === 0) return;
      const jobIds = own.map((one) => one.slice(id.length + 1)).filter(Boolean);
      const [dags, jobs] = await Promise.all([
        api.GET("/api/dags", { params: { query: { ids: id } } }),
        jobIds.length ? api.GET("/api/jobs", { params: { query: { ids: jobIds.join() } } }) : null,
      ]);
      queries.setQueryData<Dag | null>(key, (old) => withJobs(old, dags.data?.dags[0], jobs?.data?.jobs ?? []));
    },
  );
  return found;
}

/**
 * The submission whose jobs record into this run: what a job records without a run of its own goes to one that has the id
 * of its DAG. Null where there is none, undefined until that is known.
 */
export function useDagOfRun(runId: string, isNeeded: boolean): Dag | null | undefined {
  const { data, isError } = useQuery({
    queryKey: ["dag-of-run", runId],
    enabled: isNeeded,
    staleTime: Number.POSITIVE_INFINITY, // an id is given once
    queryFn: async ({ signal }) => {
      const { data } = await api.GET("/api/dags", { params: { query: { ids: runId } }, signal });
      return data?.dags.find((dag) => dag.dag_id === runId) ?? null;
    },
  });
  return isError ? null : data;
}

/** Returns the submission with its new counts, and what was read again of its jobs in their places. */
export function withJobs(old: Dag | null | undefined, dag: Dag | undefined, jobs: readonly Job[]): Dag | null {
  if (!old) return old ?? null;
  const fresh = new Map(jobs.map((job) => [job.job_id, job]));
  return { ...old, ...dag, jobs: (old.jobs ?? []).map((job) => fresh.get(job.job_id) ?? job) };
}

function dagId(dag: Dag): string {
  return dag.dag_id;
}

function isNewerDag(dag: Dag, than: Dag): boolean {
  return dag.dag_id > than.dag_id;
}
