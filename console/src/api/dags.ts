/** Queries of DAGs and jobs: lists, attempts, history, results and files. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, type Schemas } from "./client";
import { LIST_STALE_MS, queries, useLiveRows, useRefetchOn } from "./query";
import { allRows, type Pages, withRows } from "./rows";
import type { Attempt, Dag, Job, LeftFile, OriginChoice } from "./types";

interface DagFilter {
  q?: string;
  status?: string[];
  /** Only submissions with exactly this name. */
  name?: string;
  /** By default that of production, or all with a name. */
  origin?: OriginChoice;
}

const PAGE_ROWS = 100;

/** Submissions, newest first, live. With `countsJobs` false they reload only when a DAG changes, not with each job. */
export function useDags(filter: DagFilter, countsJobs = true) {
  const key = ["dags", filter.q ?? "", (filter.status ?? []).join(), filter.name ?? "", filter.origin ?? ""];
  const query = {
    ...(filter.q && { q: filter.q }),
    ...(filter.status?.length && { status: filter.status.join() }),
    ...(filter.name && { name: filter.name }),
    origin: filter.origin ?? (filter.name ? "all" : "production"),
  };
  const found = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    staleTime: LIST_STALE_MS,
    structuralSharing: false, // unchanged rows keep their objects anyway
    queryFn: async ({ pageParam, signal }) => {
      const page = { ...query, limit: PAGE_ROWS, ...(pageParam && { before: pageParam }) };
      const { data } = await api.GET("/api/dags", { params: { query: page }, signal });
      return { rows: data?.dags ?? [], more: data?.more ?? false, next: data?.next ?? null };
    },
    getNextPageParam: (page) => page.next,
  });
  useLiveRows(
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

/** One submission with its jobs, live: each changed job is reloaded on its own. */
export function useDag(name: string) {
  const key = ["dag", name];
  const found = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      return (await api.GET("/api/dags/{dag}", { params: { path: { dag: name } }, signal })).data ?? null;
    },
  });
  const id = found.data?.dag_id; // unknown before the first answer; until then any submission's events may concern it
  useLiveRows(
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
 * The submission whose jobs recorded this run: jobs without a run of their own record into a run with their DAG's id.
 * Null where there is none, undefined while loading.
 */
export function useDagOfRun(runId: string, isNeeded: boolean): Dag | null | undefined {
  const { data, isError } = useQuery({
    queryKey: ["dag-of-run", runId],
    enabled: isNeeded,
    staleTime: Number.POSITIVE_INFINITY, // ids never change
    queryFn: async ({ signal }) => {
      const { data } = await api.GET("/api/dags", { params: { query: { ids: runId } }, signal });
      return data?.dags.find((dag) => dag.dag_id === runId) ?? null;
    },
  });
  return isError ? null : data;
}

/** Returns the submission with its new counts and the reloaded jobs. */
function withJobs(old: Dag | null | undefined, dag: Dag | undefined, jobs: readonly Job[]): Dag | null {
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

/**
 * A submission with the attempts of all its jobs, live. The timeline and the history need all of it, so it is reloaded
 * as a whole.
 */
export function useDagAttempts(dagId: string, isNeeded: boolean) {
  const found = useQuery({
    queryKey: ["dag-attempts", dagId],
    enabled: isNeeded,
    queryFn: async ({ signal }) => {
      const params = { path: { dag: dagId }, query: { attempts: true } };
      return (await api.GET("/api/dags/{dag}", { params, signal })).data ?? null;
    },
  });
  // 500 jobs with attempts are half a megabyte, so at most once a second.
  useRefetchOn((event) => isNeeded && event.dag_id === dagId, found.refetch, 1000);
  return found;
}

/** The attempts of a job, live; not requested for gates. */
export function useAttempts(jobId: string, isNeeded: boolean): readonly Attempt[] {
  const found = useQuery({
    queryKey: ["job", jobId],
    enabled: isNeeded,
    queryFn: async ({ signal }) =>
      (await api.GET("/api/jobs/{job}", { params: { path: { job: jobId } }, signal })).data ?? null,
  });
  useRefetchOn((event) => isNeeded && event.job_id === jobId, found.refetch);
  return found.data?.attempts ?? [];
}

/** The journal of a job as sentences, live. */
export function useJobHistory(jobId: string) {
  const found = useQuery({
    queryKey: ["job-history", jobId],
    queryFn: async ({ signal }) =>
      (await api.GET("/api/jobs/{job}/story", { params: { path: { job: jobId } }, signal })).data?.entries ?? [],
  });
  useRefetchOn((event) => event.job_id === jobId, found.refetch);
  return found;
}

/** The result of a job as the text of the answer, live. */
export function useResult(jobId: string, isSet: boolean) {
  const found = useQuery({
    queryKey: ["result", jobId, isSet],
    enabled: isSet,
    queryFn: async ({ signal }) => {
      const init = { params: { path: { job: jobId } }, signal, parseAs: "text" } as const;
      return (await api.GET("/api/jobs/{job}/result", init)).data ?? "";
    },
  });
  useRefetchOn((event) => isSet && event.job_id === jobId, found.refetch); // it may be set again until the job ends
  return found;
}

/** The files of a job, live. */
export function useJobFiles(jobId: string) {
  const found = useQuery({
    queryKey: ["job-files", jobId],
    queryFn: async ({ signal }) =>
      listed((await api.GET("/api/jobs/{job}/files", { params: { path: { job: jobId } }, signal })).data),
  });
  useRefetchOn((event) => event.job_id === jobId, found.refetch, 1000);
  return found;
}

/** The files of all jobs of a submission, live. */
export function useDagFiles(dagId: string) {
  const found = useQuery({
    queryKey: ["dag-files", dagId],
    queryFn: async ({ signal }) =>
      listed((await api.GET("/api/dags/{dag}/files", { params: { path: { dag: dagId } }, signal })).data),
  });
  useRefetchOn((event) => event.dag_id === dagId && event.job_id !== null, found.refetch, 1000);
  return found;
}

function listed(answer: Schemas["LeftFilesAnswer"] | undefined): Schemas["LeftFilesAnswer"] | null {
  return answer ? { ...answer, files: withoutDuplicates(answer.files) } : null;
}

/** Leaves out workspace files that the job also uploaded as artifacts. */
export function withoutDuplicates(files: readonly LeftFile[]): LeftFile[] {
  const uploaded = new Set(files.filter((file) => file.place === "artifact").map(contentOf));
  return files.filter((file) => file.place === "artifact" || !uploaded.has(contentOf(file)));
}

/** Identifies one file of a submission: a path alone may exist for several jobs, nodes and attempts. */
export function fileKey(file: LeftFile): string {
  return [file.job_id, file.attempt, file.place, file.path].join(" ");
}

/** Returns the file with this key or, failing that, the first with this path. */
export function fileOf(name: string | null, files: readonly LeftFile[]): LeftFile | undefined {
  return files.find((file) => fileKey(file) === name) ?? files.find((file) => file.path === name);
}

function contentOf(file: LeftFile): string {
  return [file.job_id, file.digest, file.path].join(" ");
}
