/** The query cache: live events keep it up to date, a resync after a lost connection reloads it. */
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

/**
 * For lists that `useLiveRows` keeps up to date: a full reload is needed only for what sends no event, such as
 * retention.
 */
export const LIST_STALE_MS = 600_000;

// An offline computer may still run its own server, so requests are always tried.
const NETWORK_MODE = "always";
const TRIES = 3; // of a request without a response; an error response is final

/** A token was refused: the session reloads and the page asks for another. */
function onError(error: Error): void {
  if (error instanceof ApiError && error.status === 401) void queries.invalidateQueries({ queryKey: ["session"] });
}

export const queries = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      networkMode: NETWORK_MODE,
      staleTime: 10_000, // live events update sooner; this is for data without events
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
  // A first answer that is still loading is kept, but may predate the missed events: reload it afterwards.
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

/** Returns the state of the live stream. */
export function useConnection(): Connection {
  return useSyncExternalStore(live.watch, live.connection);
}

/** Reloads the rows whose ids `idOf` finds in live events, in few requests, and puts them into the query `key`. */
export function useLiveRows(key: QueryKey, idOf: NonNullable<RowUpdates["idOf"]>, load: RowUpdates["load"]): void {
  useLiveQuery(key, { idOf, load });
}

/**
 * Reloads runs with new calls, in few requests, and puts them into the query `key`; with `hasStages` also runs with new
 * stage events.
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

/** Calls `heard` whenever the stream is live again. */
function onLive(heard: () => void): () => void {
  return live.watch(() => {
    if (live.connection() === "live") heard();
  });
}

/**
 * Marks unwatched queries as stale: they missed the events. They reload when shown again, with the old data until then.
 * Immutable queries and those with queued ids stay fresh.
 */
function missed(): void {
  const predicate = (query: Query) => !liveQueries.has(query) && !isGoodForEver(query);
  void queries.invalidateQueries({ type: "inactive", predicate, refetchType: "none" });
}

function isGoodForEver(query: Query): boolean {
  const { staleTime } = query.options as QueryObserverOptions; // a query keeps the options of its last observer
  return staleTime === Number.POSITIVE_INFINITY;
}

type Refetch = (options?: { cancelRefetch?: boolean }) => Promise<unknown>;

/** Reloads an answer when a relevant event arrives, at most every `pauseMs`. */
export function useRefetchOn(matters: (event: LiveEvent) => boolean, refetch: Refetch, pauseMs = 250): void {
  useRefetch((events) => events.some(matters), refetch, pauseMs);
}

/** Reloads an answer when relevant runs have new calls, at most every `pauseMs`. */
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
      if (reread.stop()) window.setTimeout(missed); // after the cancelled request has ended
    };
  }, [pauseMs]);
}

/**
 * Resolves when the answer is there, to whether this call started the request: a running one is joined, not cancelled.
 */
async function startedBy(refetch: Refetch): Promise<boolean> {
  const before = queries.isFetching();
  const answer = refetch({ cancelRefetch: false });
  const isStarted = queries.isFetching() > before;
  await answer;
  return isStarted;
}
