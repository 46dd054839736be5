/** What was read, kept until it is read anew: by live events as a rule, by a resync after a break. */
import {
  hashKey,
  MutationCache,
  type Query,
  QueryCache,
  QueryClient,
  type QueryKey,
  type QueryObserverOptions,
} from "@tanstack/react-query";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { ApiError, isRetryable } from "./apiError";
import { type Connection, type LiveEvent, live, type RunsChanged } from "./live";
import { LiveQueries, type RowUpdates, settled, ThrottledRefetch } from "./liveUpdates";

/** Of a list that is kept true by `useTouched`: its fifty pages are read anew only for what makes no event, as retention. */
export const LIST_STALE_MS = 600_000;

// A computer without a network still has its own server: whether that answers is found out by asking.
const NETWORK_MODE = "always";
const TRIES = 3; // of a question nobody answers; a refusal stays one

/** A refused token in the middle: whoever waits for the session learns it, and asks for another. */
function onError(error: Error): void {
  if (error instanceof ApiError && error.status === 401) void queries.invalidateQueries({ queryKey: ["session"] });
}

export const queries = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      networkMode: NETWORK_MODE,
      staleTime: 10_000, // live events bring what changes sooner; this is for what has none
      refetchOnWindowFocus: false,
      retry: (failures, error) => isRetryable(error) && failures < TRIES,
      retryDelay: (failures) => Math.min(250 * 2 ** failures, 4000),
    },
    mutations: { networkMode: NETWORK_MODE },
  },
});

const liveQueries = new LiveQueries(queries);

live.onEvents((events, heard) => {
  liveQueries.heard(events, heard);
  missed();
});

live.onResync(() => {
  liveQueries.resync();
  // A first answer under way is not thrown away, but may be older than what was missed: it is asked for again behind it.
  const first = queries.getQueryCache().findAll({
    fetchStatus: "fetching",
    predicate: (query) => query.state.data === undefined,
  });
  void queries.invalidateQueries();
  for (const { queryKey } of first) {
    void settled(queries, queryKey)?.then(() => queries.invalidateQueries({ queryKey, exact: true }));
  }
});

onLive(() => {
  liveQueries.retry();
  const predicate = (query: Query) => query.state.status === "error";
  void queries.invalidateQueries({ predicate }, { cancelRefetch: false });
});

/** Returns whether the page hears of what happens. */
export function useConnection(): Connection {
  return useSyncExternalStore(live.watch, live.connection);
}

/** Reads again, in few requests, the things whose ids `idOf` finds in live events, and puts them into the query `key`. */
export function useLiveRows(key: QueryKey, idOf: NonNullable<RowUpdates["idOf"]>, load: RowUpdates["load"]): void {
  useLiveQuery(key, { idOf, load });
}

/**
 * Reads the runs again of whose calls something was reported, in few requests, and puts them into the query `key`; with
 * `hasStages` also those in whose stages something happened.
 */
export function useLiveRuns(key: QueryKey, load: RowUpdates["load"], hasStages = false): void {
  const idOf = hasStages ? (event: LiveEvent) => event.agent_run_id : undefined;
  useLiveQuery(key, { ...(idOf && { idOf }), idsOf: ({ runs }) => runs, load });
}

function useLiveQuery(key: QueryKey, updates: RowUpdates): void {
  const latest = useRef({ key, tending: updates });
  latest.current = { key, tending: updates };
  useEffect(() => liveQueries.tend(key, updates));
  // biome-ignore lint/correctness/useExhaustiveDependencies: equal keys are one query, however often they are made
  useEffect(() => liveQueries.watch(latest.current.key, latest.current.tending), [hashKey(key)]);
}

/** Calls `heard` whenever the page hears of what happens again. */
function onLive(heard: () => void): () => void {
  return live.watch(() => {
    if (live.connection() === "live") heard();
  });
}

/**
 * What is not watched does not hear of events, so it is read anew when somebody comes back to it; until the answer is
 * here the page shows the old one. What is good for ever, or has its ids gathered, is good still.
 */
function missed(): void {
  const predicate = (query: Query) => !liveQueries.has(query) && !isGoodForEver(query);
  void queries.invalidateQueries({ type: "inactive", predicate, refetchType: "none" });
}

function isGoodForEver(query: Query): boolean {
  const { staleTime } = query.options as QueryObserverOptions; // a query keeps the options of who watched it last
  return staleTime === Number.POSITIVE_INFINITY;
}

type Refetch = (options?: { cancelRefetch?: boolean }) => Promise<unknown>;

/** Reads a whole answer again when an event matters to it, at most every `pauseMs`. */
export function useRefetchOn(matters: (event: LiveEvent) => boolean, refetch: Refetch, pauseMs = 250): void {
  useRefetch((events) => events.some(matters), refetch, pauseMs);
}

/** Reads a whole answer again when calls of runs were heard of that matter to it, at most every `pauseMs`. */
export function useRefetchOnRuns(matters: (heard: RunsChanged) => boolean, refetch: Refetch, pauseMs = 250): void {
  useRefetch((_, heard) => heard.runs.size > 0 && matters(heard), refetch, pauseMs);
}

type Matters = (events: readonly LiveEvent[], heard: RunsChanged) => boolean;

function useRefetch(matters: Matters, refetch: Refetch, pauseMs: number): void {
  const latest = useRef({ matters, refetch });
  latest.current = { matters, refetch };
  useEffect(() => {
    const reread = new ThrottledRefetch(() => startedBy(latest.current.refetch), pauseMs);
    const stop = live.onEvents((events, heard) => {
      if (latest.current.matters(events, heard)) reread.want();
    });
    return () => {
      stop();
      if (reread.stop()) window.setTimeout(missed); // behind the end of the request that is cut off with this
    };
  }, [pauseMs]);
}

/** Resolves when the answer is there, to whether it was asked for only now: a request under way is joined, not cut off. */
async function startedBy(refetch: Refetch): Promise<boolean> {
  const before = queries.isFetching();
  const answer = refetch({ cancelRefetch: false });
  const isStarted = queries.isFetching() > before;
  await answer;
  return isStarted;
}
