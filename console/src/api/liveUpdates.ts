/** Reload what events touched, in batches: whole answers, single rows of lists, and rows asked for one by one. */
import { hashKey, type Query, type QueryClient, type QueryKey } from "@tanstack/react-query";
import type { LiveEvent, RunsChanged } from "./live";

export class ThrottledRefetch {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = Number.NEGATIVE_INFINITY;
  private isUnderWay = false;
  private isWanted = false;
  private isStopped = false;
  private readonly read: () => Promise<boolean>;
  private readonly pauseMs: number;

  /** `read` resolves when the answer has arrived: to false where its request started before the event. */
  constructor(read: () => Promise<boolean>, pauseMs: number) {
    this.read = read;
    this.pauseMs = pauseMs;
  }

  want(): void {
    this.isWanted = true;
    if (this.isUnderWay || this.isStopped) return;
    this.timer ??= setTimeout(() => void this.run(), Math.max(0, this.last + this.pauseMs - performance.now()));
  }

  /** Returns whether a requested answer has not arrived and now never will. */
  stop(): boolean {
    this.isStopped = true;
    clearTimeout(this.timer);
    return this.isWanted || this.isUnderWay;
  }

  private async run(): Promise<void> {
    this.timer = undefined;
    this.last = performance.now();
    this.isUnderWay = true;
    this.isWanted = false;
    const isFresh = await this.read().catch(() => true); // the page shows the error itself
    this.isUnderWay = false;
    if (this.isWanted || !isFresh) this.want();
  }
}

const MOST_AT_ONCE = 200; // the server's limit of ids per request
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

export class BatchReloader {
  private readonly waiting = new Set<string>();
  private isUnderWay = false;
  private pause: ReturnType<typeof setTimeout> | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private isResting = false;
  private readonly load: (ids: string[]) => Promise<void>;
  private readonly settled: () => Promise<void> | null;

  /**
   * `settled` resolves when a running reload of the whole query is done, whose older answer would overwrite what is
   * loaded here; null when none runs.
   */
  constructor(load: (ids: string[]) => Promise<void>, settled: () => Promise<void> | null = () => null) {
    this.load = load;
    this.settled = settled;
  }

  /** The number of ids waiting to be loaded. */
  get size(): number {
    return this.waiting.size;
  }

  /** Queues ids; resolves when nothing more can be loaded now, for tests. */
  async add(ids: Iterable<string>): Promise<void> {
    for (const id of ids) this.waiting.add(id);
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    while (this.waiting.size > 0 && this.pause === undefined && !this.isResting) {
      const reading = this.settled();
      if (reading) await reading;
      else await this.loadSome();
    }
    this.isUnderWay = false;
  }

  /** Retries failed loads now. */
  async retry(): Promise<void> {
    clearTimeout(this.pause);
    this.pause = undefined;
    await this.add([]);
  }

  /** From now on only queues ids; a running request is finished. */
  rest(): void {
    this.isResting = true;
    clearTimeout(this.pause);
    this.pause = undefined;
  }

  /** Loads again, starting with the queued ids. */
  wake(): void {
    this.isResting = false;
    void this.add([]);
  }

  private async loadSome(): Promise<void> {
    const ids = [...this.waiting].slice(0, MOST_AT_ONCE);
    for (const id of ids) this.waiting.delete(id);
    try {
      await this.load(ids);
      this.pauseMs = FIRST_PAUSE_MS;
      if (this.settled()) this.putBack(ids); // a full reload that started meanwhile may end with older data
    } catch {
      this.putBack(ids);
      if (this.isResting) return;
      this.pause = setTimeout(() => void this.retry(), this.pauseMs);
      this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  private putBack(ids: readonly string[]): void {
    for (const id of ids) this.waiting.add(id);
  }
}

const MOST_GATHERED = 1000; // five requests; a query with more changes is dropped and reloaded as a whole

export interface RowUpdates {
  /** Returns the id in the query that an event concerns, if any. */
  idOf?: (event: LiveEvent) => string | null;
  /** Returns the ids in the query that changed runs concern. */
  idsOf?: (heard: RunsChanged) => Iterable<string>;
  /** Loads these ids and puts them into the query. */
  load: (ids: string[]) => Promise<void>;
}

interface LiveQuery {
  key: QueryKey;
  updates: RowUpdates;
  touched: BatchReloader;
  watchers: number;
}

export class LiveQueries {
  private readonly tended = new Map<string, LiveQuery>(); // by the hash of the key
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

  /** Registers how a query is kept up to date. */
  tend(key: QueryKey, updates: RowUpdates): void {
    this.of(key, updates).updates = updates;
  }

  /** Loads queued and new ids until the returned function is called; after that only queues them. */
  watch(key: QueryKey, updates: RowUpdates): () => void {
    const one = this.of(key, updates);
    one.watchers += 1;
    one.touched.wake();
    return () => {
      one.watchers -= 1;
      if (one.watchers === 0) one.touched.rest();
    };
  }

  heard(events: readonly LiveEvent[], heard: RunsChanged): void {
    for (const { key, updates, touched, watchers } of [...this.tended.values()]) {
      const ids = new Set(updates.idsOf?.(heard));
      for (const event of events) {
        const id = updates.idOf?.(event) ?? null;
        if (id !== null) ids.add(id);
      }
      if (ids.size > 0) void touched.add(ids);
      if (watchers === 0 && touched.size > MOST_GATHERED) this.forget(key);
    }
  }

  /** Events may have been missed: watched queries reload as a whole, others are dropped. */
  resync(): void {
    for (const { key, watchers } of [...this.tended.values()]) if (watchers === 0) this.forget(key);
  }

  /** Retries failed loads now. */
  retry(): void {
    for (const { touched, watchers } of this.tended.values()) if (watchers > 0) void touched.retry();
  }

  private of(key: QueryKey, updates: RowUpdates): LiveQuery {
    const hash = hashKey(key);
    const known = this.tended.get(hash);
    if (known) return known;
    const touched = new BatchReloader(
      (ids) => made.updates.load(ids),
      () => settled(this.queries, key),
    );
    const made: LiveQuery = { key, updates, touched, watchers: 0 };
    touched.rest();
    this.tended.set(hash, made);
    return made;
  }

  private forget(key: QueryKey): void {
    this.queries.removeQueries({ queryKey: key, exact: true });
  }
}

/** Resolves when the running request of a query, or of its next page, is done; null when none runs. */
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

interface Waiting<Thing> {
  readonly resolve: (thing: Thing | null) => void;
  readonly reject: (error: unknown) => void;
}

export class BatchLoader<Thing> {
  private waiting = new Map<string, Waiting<Thing>[]>();
  private readonly read: (ids: string[]) => Promise<Thing[]>;
  private readonly idOf: (thing: Thing) => string;

  constructor(read: (ids: string[]) => Promise<Thing[]>, idOf: (thing: Thing) => string) {
    this.read = read;
    this.idOf = idOf;
  }

  /** Resolves to the item, or null where the server has none. Calls of the same turn share one request. */
  load(id: string): Promise<Thing | null> {
    if (this.waiting.size === 0) setTimeout(() => this.ask());
    return new Promise((resolve, reject) => {
      this.waiting.set(id, [...(this.waiting.get(id) ?? []), { resolve, reject }]);
    });
  }

  private ask(): void {
    const asked = [...this.waiting];
    this.waiting = new Map();
    for (let from = 0; from < asked.length; from += MOST_AT_ONCE)
      void this.answer(asked.slice(from, from + MOST_AT_ONCE));
  }

  private async answer(asked: readonly (readonly [string, Waiting<Thing>[]])[]): Promise<void> {
    try {
      const things = new Map((await this.read(asked.map(([id]) => id))).map((thing) => [this.idOf(thing), thing]));
      for (const [id, all] of asked) for (const { resolve } of all) resolve(things.get(id) ?? null);
    } catch (error) {
      for (const [, all] of asked) for (const { reject } of all) reject(error);
    }
  }
}
