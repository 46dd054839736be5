/** Workers, and what waits for them. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useChange } from "./changes";
import { api } from "./client";
import type { LiveEvent } from "./live";
import { queries, useRefetchOn } from "./query";
import type { Queue, Worker } from "./types";

export const LOAD_MS = 10_000; // machines' load comes with no event
const PAUSE_MS = 1000; // between two readings of the whole list, however fast jobs change
const LONG_PAUSE_MS = 5000; // where a thousand jobs of each long group are read with it

const KEY = ["workers"];

/** The connected workers, and those that drain, live; read every `everyMs` too where their load is shown. */
export function useWorkers(everyMs: number | false = false) {
  const found = useQuery({
    queryKey: [...KEY, "here"],
    staleTime: 0, // a page that was left may not have read what it heard last
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

/** Everything that waits, gathered by what it waits for; live. `longer`: of these groups so many first jobs. */
export function useQueue(longer: Readonly<Record<string, number>> = {}) {
  const found = useQuery({
    queryKey: ["queue", longer],
    staleTime: 0, // as of workers
    placeholderData: keepPreviousData, // the list stays while more of a group is read
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

/** A worker came, went, or is to go. */
function isOfWorker(event: LiveEvent): boolean {
  return event.kind.startsWith("Worker");
}

/** An attempt began or ended. */
function isAttempt(event: LiveEvent): boolean {
  return /^Job(Leased|Succeeded|Failed|Requeued|BackedOff|Cancelled)$/.test(event.kind);
}
