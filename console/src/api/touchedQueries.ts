/**
 * The queries that are kept true by reading again what events touched. Of one that nobody watches for a while the ids are
 * gathered, and read when somebody comes back: so a list of fifty pages is not read as a whole, and nothing is missed.
 */
import { hashKey, type Query, type QueryClient, type QueryKey } from "@tanstack/react-query";
import type { LiveEvent, RunsChanged } from "./live";
import { Touched } from "./touched";

const MOST_GATHERED = 1000; // five requests; a query of which more was touched is forgotten, and read anew as a whole

export interface Tending {
  /** Returns what an event touched of the query, if anything. */
  idOf?: (event: LiveEvent) => string | null;
  /** Returns what the query may hold of the runs whose calls were heard of. */
  idsOf?: (heard: RunsChanged) => Iterable<string>;
  /** Reads these and puts them into the query. */
  load: (ids: string[]) => Promise<void>;
}

interface Tended {
  key: QueryKey;
  tending: Tending;
  touched: Touched;
  watchers: number;
}

export class TouchedQueries {
  private readonly tended = new Map<string, Tended>(); // by the hash of the key
  private readonly queries: QueryClient;

  constructor(queries: QueryClient) {
    this.queries = queries;
    queries.getQueryCache().subscribe(({ type, query }) => {
      if (type !== "removed") return;
      this.tended.get(query.queryHash)?.touched.rest();
      this.tended.delete(query.queryHash);
    });
  }

  has(query: Query): boolean {
    return this.tended.has(query.queryHash);
  }

  /** Says how a query is kept true from now on. */
  tend(key: QueryKey, tending: Tending): void {
    this.of(key, tending).tending = tending;
  }

  /** Reads what was touched, from before too, until the returned function is called; after that only gathers. */
  watch(key: QueryKey, tending: Tending): () => void {
    const one = this.of(key, tending);
    one.watchers += 1;
    one.touched.wake();
    return () => {
      one.watchers -= 1;
      if (one.watchers === 0) one.touched.rest();
    };
  }

  heard(events: readonly LiveEvent[], heard: RunsChanged): void {
    for (const { key, tending, touched, watchers } of [...this.tended.values()]) {
      const ids = new Set(tending.idsOf?.(heard));
      for (const event of events) {
        const id = tending.idOf?.(event) ?? null;
        if (id !== null) ids.add(id);
      }
      if (ids.size > 0) void touched.add(ids);
      if (watchers === 0 && touched.size > MOST_GATHERED) this.forget(key);
    }
  }

  /** Events may have been missed: those that are watched are read anew by whoever shows them, the others forgotten. */
  resync(): void {
    for (const { key, watchers } of [...this.tended.values()]) if (watchers === 0) this.forget(key);
  }

  /** Reads now what could not be read. */
  retry(): void {
    for (const { touched, watchers } of this.tended.values()) if (watchers > 0) void touched.retry();
  }

  private of(key: QueryKey, tending: Tending): Tended {
    const hash = hashKey(key);
    const known = this.tended.get(hash);
    if (known) return known;
    const touched = new Touched(
      (ids) => made.tending.load(ids),
      () => settled(this.queries, key),
    );
    const made: Tended = { key, tending, touched, watchers: 0 };
    touched.rest();
    this.tended.set(hash, made);
    return made;
  }

  private forget(key: QueryKey): void {
    this.queries.removeQueries({ queryKey: key, exact: true });
  }
}

/** Resolves when the request under way for a query, or for its next page, is done; null when there is none. */
export function settled(queries: QueryClient, queryKey: QueryKey): Promise<void> | null {
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
