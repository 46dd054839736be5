/**
 * The page's side of the log: the worker's state and the lines near the visible ones. Watchers are called at most once
 * per frame. When a search hangs the worker, the worker is replaced and the log loaded again.
 */

import type { LogLine } from "./logIndex";
import type { LogQuery, Range } from "./logSearch";

const AHEAD = 120; // lines fetched on each side of the visible ones
const NEAR = 40; // lines that must be loaded on each side
const KEPT = 3000; // lines; ten screens
const BEAT_MS = 1500; // between two health checks of the worker during a search by expression
const HANGS_MS = 5000;

type WorkerState = { facts: LogFacts; found: Found | null; failure: { status: number; message: string } | null };

export class LogClient {
  private readonly url: string;
  private readonly onHang: () => void;
  private isLive = false;
  private worker: Worker;
  private readonly kept = new Map<number, { line: ShownLine; search: number }>();
  private readonly watchers = new Set<() => void>();
  private readonly asked = new Map<number, (answer: never) => void>();
  private state: WorkerState = { facts: NO_FACTS, found: null, failure: null };
  private version = 0;
  private lastId = 0;
  private query: LogQuery | null = null;
  private searches = 0; // lines carry the matches of the search during which they were fetched
  private fetchedUnder = 0;
  private wanted: [number, number] | null = null;
  private isFetching = false;
  private frame: number | undefined;
  private beat: number | undefined;
  private hang: number | undefined;

  constructor(url: string, onHang: () => void) {
    this.url = url;
    this.onHang = onHang;
    this.worker = this.newWorker();
  }

  get facts(): LogFacts {
    return this.state.facts;
  }

  get found(): Found | null {
    return this.state.found;
  }

  get failure(): WorkerState["failure"] {
    return this.state.failure;
  }

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  };

  /** Changes with everything that a watcher shows. */
  readonly snapshot = (): number => this.version;

  close(): void {
    window.clearTimeout(this.beat);
    window.clearTimeout(this.hang);
    if (this.frame !== undefined) window.cancelAnimationFrame(this.frame);
    this.worker.terminate();
  }

  /** Sets whether the job runs, and so whether its log is followed. */
  setLive(isLive: boolean): void {
    if (isLive === this.isLive) return;
    this.isLive = isLive;
    this.post({ kind: "live", isLive });
  }

  /** Returns a line if it is loaded; see `want`. */
  line(number: number): ShownLine | undefined {
    return this.kept.get(number)?.line;
  }

  /** Loads these lines and some around them. */
  want(from: number, to: number): void {
    const last = this.facts.lines;
    const near: [number, number] = [Math.max(0, from - NEAR), Math.min(last, to + NEAR)];
    if (this.has(from, Math.min(to, last)) && this.has(near[0], near[1])) return;
    this.wanted = [Math.max(0, from - AHEAD), Math.min(last, to + AHEAD)];
    this.fetchWanted();
  }

  search(query: LogQuery | null): void {
    this.query = query;
    this.searches += 1;
    this.state = { ...this.state, found: null };
    this.post({ kind: "search", query });
    this.checkWorker();
    this.changed();
  }

  /** Returns the next match from `from` on, or the previous one. */
  seek(from: number, step: 1 | -1): Promise<Hit | null> {
    return this.ask((id) => ({ kind: "seek", id, from, step }));
  }

  /** Returns lines without control sequences, for copying. */
  text(from: number, to: number): Promise<string> {
    return this.ask((id) => ({ kind: "text", id, from, to }));
  }

  /** Returns up to `most` bytes of one long line. */
  whole(line: number, most: number): Promise<string> {
    return this.ask((id) => ({ kind: "whole", id, line, most }));
  }

  private newWorker(): Worker {
    const worker = new Worker(new URL("./log.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.take(event.data);
    worker.postMessage({ kind: "open", url: this.url, isLive: this.isLive } satisfies ToWorker);
    return worker;
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private ask<Answer>(messageOf: (id: number) => ToWorker): Promise<Answer> {
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve) => {
      this.asked.set(id, resolve);
      this.post(messageOf(id));
    });
  }

  private take(message: FromWorker): void {
    if (message.kind === "pong") {
      this.workerAnswered();
      return;
    }
    if (message.kind === "facts") this.takeFacts(message);
    else if (message.kind === "lines") this.takeLines(message.from, message.lines);
    else if (message.kind === "found") this.takeFound(message);
    else if (message.kind === "failed") this.state = { ...this.state, failure: message };
    else this.answer(message.id, message.kind === "text" ? message.text : message.hit);
    this.changed();
  }

  private answer(id: number, value: string | Hit | null): void {
    this.asked.get(id)?.(value as never);
    this.asked.delete(id);
  }

  private takeFacts(facts: LogFacts): void {
    const open = this.facts.lines - 1; // the last line may have grown
    if (facts.bytes !== this.facts.bytes) this.kept.delete(open);
    this.state = { ...this.state, facts };
  }

  private takeLines(from: number, lines: readonly ShownLine[]): void {
    if (this.kept.size + lines.length > KEPT) this.kept.clear();
    lines.forEach((line, place) => {
      this.kept.set(from + place, { line, search: this.fetchedUnder });
    });
    this.isFetching = false;
    this.fetchWanted();
  }

  private takeFound(found: Found): void {
    if (this.query) this.state = { ...this.state, found };
  }

  /** A catastrophic expression hangs the worker, which then stops answering. */
  private checkWorker(): void {
    window.clearTimeout(this.beat);
    window.clearTimeout(this.hang);
    if (!this.query?.isRegex) return;
    this.post({ kind: "ping" });
    this.hang = window.setTimeout(() => this.startAnew(), HANGS_MS);
  }

  private workerAnswered(): void {
    window.clearTimeout(this.hang);
    window.clearTimeout(this.beat);
    this.beat = window.setTimeout(() => this.checkWorker(), BEAT_MS);
  }

  private startAnew(): void {
    this.worker.terminate();
    this.query = null;
    this.asked.clear();
    this.kept.clear();
    this.isFetching = false;
    this.state = { ...this.state, found: null };
    this.worker = this.newWorker();
    this.onHang();
  }

  private has(from: number, to: number): boolean {
    for (let line = from; line < to; line += 1) if (this.kept.get(line)?.search !== this.searches) return false;
    return true;
  }

  private fetchWanted(): void {
    if (this.isFetching || !this.wanted) return;
    const [from, to] = this.wanted;
    this.wanted = null;
    if (to <= from) return;
    this.isFetching = true;
    this.fetchedUnder = this.searches;
    this.post({ kind: "lines", from, to });
  }

  private changed(): void {
    this.frame ??= window.requestAnimationFrame(() => {
      this.frame = undefined;
      this.version += 1;
      for (const watcher of this.watchers) watcher();
    });
  }
}

export type ToWorker =
  | { kind: "open"; url: string; isLive: boolean }
  /** Whether the job runs, and so whether its log grows. */
  | { kind: "live"; isLive: boolean }
  | { kind: "lines"; from: number; to: number }
  | { kind: "search"; query: LogQuery | null }
  | { kind: "ping" }
  | { kind: "seek"; id: number; from: number; step: 1 | -1 }
  | { kind: "text"; id: number; from: number; to: number }
  | { kind: "whole"; id: number; line: number; most: number };

export type FromWorker =
  | ({ kind: "facts" } & LogFacts)
  | { kind: "lines"; from: number; lines: ShownLine[] }
  | ({ kind: "found" } & Found)
  | { kind: "pong" }
  | { kind: "sought"; id: number; hit: Hit | null }
  | { kind: "text"; id: number; text: string }
  | { kind: "failed"; status: number; message: string };

/** A line with its matches, as ranges of the text without control sequences. */
export type ShownLine = LogLine & { readonly marks: readonly Range[] };

export type Phase = "opening" | "loading" | "following" | "ended" | "broken";

export interface LogFacts {
  readonly phase: Phase;
  readonly lines: number;
  /** Bytes loaded. */
  readonly bytes: number;
  /** The size of the log when it was opened. */
  readonly size: number;
  /** Bytes of the longest line. */
  readonly longest: number;
  /** Bytes skipped at the beginning of a huge log. */
  readonly skipped: number;
  /** Whether it looks binary. */
  readonly isBinary: boolean;
}

export interface Found {
  /** Matching lines so far. */
  readonly count: number;
  /** Lines searched. */
  readonly searched: number;
  /** For each equal part of the log, whether it has a match. */
  readonly spread: Uint8Array;
}

export interface Hit {
  readonly line: number;
  /** Its position among the matching lines, from 0. */
  readonly place: number;
}

export const NO_FACTS: LogFacts = {
  phase: "opening",
  lines: 0,
  bytes: 0,
  size: 0,
  longest: 0,
  skipped: 0,
  isBinary: false,
};
