/** Workers and the queue. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useChange } from "./changes";
import { api } from "./client";
import type { LiveEvent } from "./live";
import { queries, useRefetchOn } from "./query";
import type { Queue, Worker } from "./types";

export const LOAD_MS = 10_000; // a machine's load sends no event
const PAUSE_MS = 1000; // between two reloads of the list, however fast jobs change
const LONG_PAUSE_MS = 5000; // with up to a thousand jobs of each expanded group

const KEY = ["workers"];

/** Connected and draining workers, live; polled every `everyMs` where their load is shown. */
export function useWorkers(everyMs: number | false = false) {
  const found = useQuery({
    queryKey: [...KEY, "here"],
    staleTime: 0, // a page in the background may have missed events
    refetchInterval: everyMs,
    queryFn: ({ signal }) => readWorkers("connected,draining", signal),
  });
  useRefetchOn((event) => isAttempt(event) || isOfWorker(event), found.refetch, PAUSE_MS);
  return found;
}

/** Workers that left or were lost, live; only requested while shown, because their number grows. */
export function useGoneWorkers(isShown: boolean) {
  const found = useQuery({
    queryKey: [...KEY, "gone"],
    enabled: isShown,
    staleTime: 0, // events were missed while it was hidden
    queryFn: ({ signal }) => readWorkers("lost,left", signal),
  });
  useRefetchOn((event) => isShown && isOfWorker(event), found.refetch, PAUSE_MS);
  return found;
}

async function readWorkers(state: string, signal: AbortSignal): Promise<readonly Worker[]> {
  return (await api.GET("/api/workers", { params: { query: { state } }, signal })).data?.workers ?? [];
}

/** Waiting jobs grouped by reason, live. `longer` maps groups to the number of jobs wanted. */
export function useQueue(longer: Readonly<Record<string, number>> = {}) {
  const found = useQuery({
    queryKey: ["queue", longer],
    staleTime: 0, // as for workers
    placeholderData: keepPreviousData, // the list stays while more is loaded
    queryFn: async ({ signal }): Promise<Queue | null> => {
      const asked = [{}, ...Object.entries(longer).map(([group, limit]) => ({ group, limit }))];
      const [all, ...alone] = await Promise.all(
        asked.map((query) => api.GET("/api/queue", { params: { query }, signal })),
      );
      const longest = new Map(alone.flatMap(({ data }) => data?.groups ?? []).map((group) => [group.name, group]));
      return all?.data ? { ...all.data, groups: all.data.groups.map((one) => longest.get(one.name) ?? one) } : null;
    },
  });
  const pause = Object.keys(longer).length > 0 ? LONG_PAUSE_MS : PAUSE_MS;
  useRefetchOn((event) => /^(Job|Gate|Dag|Worker)/.test(event.kind), found.refetch, pause);
  return found;
}

export function useDrain() {
  return useChange(
    async (worker: Worker, headers) =>
      api.POST("/api/workers/{worker}/drain", { params: { path: { worker: worker.worker_id } }, headers }),
    (_, worker) => `${worker.name} takes no new jobs and disconnects after its running ones.`,
    reread,
  );
}

export function useResume() {
  return useChange(
    async (worker: Worker, headers) =>
      api.POST("/api/workers/{worker}/resume", { params: { path: { worker: worker.worker_id } }, headers }),
    (_, worker) => `${worker.name} takes jobs again.`,
    reread,
  );
}

interface NewWorker {
  name: string | null;
  offers: Record<string, number>;
}

export function useStartWorker(then: () => void) {
  return useChange(
    async (body: NewWorker, headers) => (await api.POST("/api/workers/local", { body, headers })).data,
    (worker) => `Worker ${worker?.name ?? ""} is connected.`,
    () => {
      reread();
      then();
    },
  );
}

function reread(): void {
  void queries.invalidateQueries({ queryKey: KEY });
}

function isOfWorker(event: LiveEvent): boolean {
  return event.kind.startsWith("Worker");
}

function isAttempt(event: LiveEvent): boolean {
  return /^Job(Leased|Succeeded|Failed|Requeued|BackedOff|Cancelled)$/.test(event.kind);
}
