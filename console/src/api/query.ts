/** What was read, kept until it is read anew: by live events as a rule, by a resync after a break. */
import { MutationCache, type Query, QueryCache, QueryClient, type QueryKey } from "@tanstack/react-query";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { Refusal } from "./client";
import { type Connection, type LiveEvent, live } from "./live";
import { Reread } from "./reread";
import { Touched } from "./touched";

const TRIES = 3; // of a question nobody answers; a refusal stays one

/** A refused token in the middle: whoever waits for the session learns it, and asks for another. */
function onError(error: Error): void {
  if (error instanceof Refusal && error.status === 401) void queries.invalidateQueries({ queryKey: ["session"] });
}

export const queries = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 10_000, // live events bring what changes sooner; this is for what has none
      refetchOnWindowFocus: false,
      retry: (failures, error) => !(error instanceof Refusal && error.status < 500) && failures < TRIES,
      retryDelay: (failures) => Math.min(250 * 2 ** failures, 4000),
    },
  },
});

live.onResync(() => {
  // A first answer under way is not thrown away, but may be older than what was missed: it is asked for again behind it.
  const first = queries.getQueryCache().findAll({
    fetchStatus: "fetching",
    predicate: (query) => query.state.data === undefined,
  });
  void queries.invalidateQueries();
  for (const { queryKey } of first) {
    void settled(queryKey)?.then(() => queries.invalidateQueries({ queryKey, exact: true }));
  }
});

onLive(() => {
  const predicate = (query: Query) => query.state.status === "error";
  void queries.invalidateQueries({ predicate }, { cancelRefetch: false });
});

/** Returns whether the page hears of what happens. */
export function useConnection(): Connection {
  return useSyncExternalStore(live.watch, live.connection);
}

/** Reads again, in few requests, the things whose ids `idOf` finds in live events, and puts them into the query `key`. */
export function useTouched(
  key: QueryKey,
  idOf: (event: LiveEvent) => string | null,
  load: (ids: string[]) => Promise<void>,
): void {
  const latest = useRef({ key, idOf, load });
  latest.current = { key, idOf, load };
  useEffect(() => {
    const touched = new Touched(
      (ids) => latest.current.load(ids),
      () => settled(latest.current.key),
    );
    const stopEvents = live.onEvents((events) => {
      const ids = new Set<string>();
      for (const event of events) {
        const id = latest.current.idOf(event);
        if (id !== null) ids.add(id);
      }
      if (ids.size > 0) void touched.add(ids);
    });
    const stopLive = onLive(() => void touched.retry());
    return () => {
      stopEvents();
      stopLive();
      touched.stop();
    };
  }, []);
}

/** Resolves when the request under way for a query, or for its next page, is done; null when there is none. */
function settled(queryKey: QueryKey): Promise<void> | null {
  const isSettled = () => queries.isFetching({ queryKey, exact: true }) === 0;
  if (isSettled()) return null;
  return new Promise((resolve) => {
    const stop = queries.getQueryCache().subscribe(() => {
      if (!isSettled()) return;
      stop();
      resolve();
    });
  });
}

/** Calls `heard` whenever the page hears of what happens again. */
function onLive(heard: () => void): () => void {
  return live.watch(() => {
    if (live.connection() === "live") heard();
  });
}

type Refetch = (options?: { cancelRefetch?: boolean }) => Promise<unknown>;

/** Reads a whole answer again when an event matters to it, at most every `pauseMs`. */
export function useRefetchOn(matters: (event: LiveEvent) => boolean, refetch: Refetch, pauseMs = 250): void {
  const latest = useRef({ matters, refetch });
  latest.current = { matters, refetch };
  useEffect(() => {
    const reread = new Reread(() => startedBy(latest.current.refetch), pauseMs);
    const stop = live.onEvents((events) => {
      if (events.some((event) => latest.current.matters(event))) reread.want();
    });
    return () => {
      stop();
      reread.stop();
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
