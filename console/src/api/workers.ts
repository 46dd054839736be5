/** Workers, and what waits for them. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useChange } from "./changes";
import { api } from "./client";
import type { Job, Worker } from "./facts";
import type { LiveEvent } from "./live";
import { queries, useRefetchOn } from "./query";

export const LOAD_MS = 10_000; // machines' load comes with no event
const QUEUE_ROWS = 2000; // of each status; a longer queue says that there are more
const RUNNING_ROWS = 2000;
const PAUSE_MS = 1000; // between two readings of the whole list, however fast jobs change

const WAITING = ["READY", "WAITING_APPROVAL", "WAITING"] as const;
const KEY = ["workers"];

export interface Queue {
  readonly jobs: readonly Job[];
  /** Whether there are more than were read. */
  readonly more: boolean;
}

/** The connected workers, and those that drain, live; read every `everyMs` too where their load is shown. */
export function useWorkers(everyMs: number | false = false) {
  const found = useQuery({
    queryKey: [...KEY, "here"],
    refetchInterval: everyMs,
    queryFn: ({ signal }) => readWorkers("connected,draining", signal),
  });
  useRefetchOn((event) => isAttempt(event) || isOfWorker(event), found.refetch, PAUSE_MS);
  return found;
}

/** The workers that left or were lost, live; read only while they are looked at, as they become ever more. */
export function useGoneWorkers(isShown: boolean) {
  const found = useQuery({
    queryKey: [...KEY, "gone"],
    enabled: isShown,
    staleTime: 0, // what went while nobody looked was not read
    queryFn: ({ signal }) => readWorkers("lost,left", signal),
  });
  useRefetchOn((event) => isShown && isOfWorker(event), found.refetch, PAUSE_MS);
  return found;
}

async function readWorkers(state: string, signal: AbortSignal): Promise<readonly Worker[]> {
  return (await api.GET("/api/workers", { params: { query: { state } }, signal })).data?.workers ?? [];
}

/** When each running job began, by its id. */
export function useRunningSince(): ReadonlyMap<string, string | null> {
  const { data, refetch } = useQuery({
    queryKey: ["jobs", "running"],
    queryFn: async ({ signal }) => {
      const params = { query: { status: "RUNNING", limit: RUNNING_ROWS } as const };
      return (await api.GET("/api/jobs", { params, signal })).data?.jobs ?? [];
    },
  });
  useRefetchOn(isAttempt, refetch, PAUSE_MS);
  return useMemo(() => new Map((data ?? []).map((job) => [job.job_id, job.started_at])), [data]);
}

/** Every job that waits, with the server's word for what it waits for; live. */
export function useQueue() {
  const found = useQuery({
    queryKey: ["jobs", "waiting"],
    queryFn: async ({ signal }): Promise<Queue> => {
      const answers = await Promise.all(
        WAITING.map((status) => api.GET("/api/jobs", { params: { query: { status, limit: QUEUE_ROWS } }, signal })),
      );
      return {
        jobs: answers.flatMap((answer) => answer.data?.jobs ?? []),
        more: answers.some((answer) => answer.data?.more),
      };
    },
  });
  useRefetchOn((event) => /^(Job|Gate|Dag|Worker)/.test(event.kind), found.refetch, PAUSE_MS);
  return found;
}

export function useDrain() {
  return useChange(
    async (worker: Worker, header) =>
      api.POST("/api/workers/{worker}/drain", { params: { path: { worker: worker.worker_id }, header } }),
    (_, worker) => `${worker.name} takes no new job, and leaves when it has done those it runs.`,
    reread,
  );
}

export function useResume() {
  return useChange(
    async (worker: Worker, header) =>
      api.POST("/api/workers/{worker}/resume", { params: { path: { worker: worker.worker_id }, header } }),
    (_, worker) => `${worker.name} takes jobs again.`,
    reread,
  );
}

export interface NewWorker {
  name: string | null;
  offers: Record<string, number>;
}

export function useStartWorker(then: () => void) {
  return useChange(
    async (body: NewWorker) => (await api.POST("/api/workers/local", { body })).data,
    (worker) => `Worker ${worker?.name ?? ""} is there.`,
    () => {
      reread();
      then();
    },
  );
}

function reread(): void {
  void queries.invalidateQueries({ queryKey: KEY });
}

/** A worker came, went, or is to go. */
function isOfWorker(event: LiveEvent): boolean {
  return event.kind.startsWith("Worker");
}

/** An attempt began or ended. */
function isAttempt(event: LiveEvent): boolean {
  return /^Job(Leased|Succeeded|Failed|Requeued|BackedOff|Cancelled)$/.test(event.kind);
}
