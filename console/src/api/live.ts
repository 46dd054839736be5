/**
 * The live layer: one stream of events for the whole page, by WebSocket, or by server-sent events where a proxy lets no
 * WebSocket through. Every event has a cursor; a stream that breaks goes on behind the last one, so nothing is missed.
 */
import type { Schemas } from "./client";
import { ofProject } from "./project";

export type LiveEvent = Schemas["EventView"];
type RunsChangedFrame = Schemas["RunsChangedFrame"];
type Frame = LiveEvent | RunsChangedFrame | Schemas["ResyncFrame"] | Schemas["QuietFrame"];
export type Connection = "connecting" | "live" | "away";

/** Runs, and agents, whose calls something was heard of. */
export interface RunsChanged {
  runs: ReadonlySet<string>;
  agents: ReadonlySet<string>;
}

type Listener = (events: readonly LiveEvent[], heard: RunsChanged) => void;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
const SOCKET_TRIES = 2; // that never opened, before server-sent events are tried
const HANDSHAKE_MS = 10_000; // after which a connection counts as failed: some proxies answer nothing at all
const SILENT_MS = 35_000; // after which it counts as broken though nobody said so: the server says something every 10 s
const HIDDEN_MS = 500; // between two tellings of a page nobody sees
const NO_CURSOR = "none"; // a cursor of no journal: the server answers with its present one

export class Live {
  private cursor = NO_CURSOR;
  private state: Connection = "connecting";
  private pauseMs = FIRST_PAUSE_MS;
  private vainTries = 0;
  private close: (() => void) | null = null;
  private timer: number | undefined;
  private limit: number | undefined;
  private buffer: LiveEvent[] = [];
  private heardRuns = new Set<string>();
  private heardAgents = new Set<string>();
  private cancelFlush: (() => void) | null = null;
  private isAsleep = true;
  private readonly listeners = new Set<Listener>();
  private readonly watchers = new Set<() => void>();
  private readonly resyncs = new Set<() => void>();

  /** Begins to listen; again after `stop`. */
  start(): void {
    if (!this.isAsleep) return;
    this.isAsleep = false;
    window.addEventListener("online", this.retryNow);
    document.addEventListener("visibilitychange", this.turned);
    this.connect();
  }

  stop(): void {
    this.isAsleep = true;
    window.removeEventListener("online", this.retryNow);
    document.removeEventListener("visibilitychange", this.turned);
    window.clearTimeout(this.timer);
    this.hangUp();
    this.tell("connecting");
  }

  /** Calls `listener` at most once a frame with what happened since; returns how to end that. */
  onEvents(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls `reread` when events may have been missed: everything on the screen is to be read anew. */
  onResync(reread: () => void): () => void {
    this.resyncs.add(reread);
    return () => this.resyncs.delete(reread);
  }

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  };

  readonly connection = (): Connection => this.state;

  private connect(): void {
    if (this.isAsleep) return;
    this.expectWithin(HANDSHAKE_MS);
    this.close = this.vainTries < SOCKET_TRIES ? this.openSocket() : this.openStream();
  }

  private openSocket(): () => void {
    const url = new URL(ofProject("/api/events/ws"), window.location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("after", this.cursor);
    url.searchParams.set("calls", "true");
    const socket = new WebSocket(url);
    socket.onopen = () => {
      this.vainTries = 0;
      this.opened();
    };
    socket.onmessage = (message) => {
      this.heard();
      this.take(JSON.parse(String(message.data)));
    };
    socket.onclose = () => this.broke();
    this.vainTries += 1; // until it opens
    return () => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    };
  }

  private openStream(): () => void {
    const ending = new AbortController();
    this.vainTries = 0; // next time a WebSocket again: the server may only have been away
    void this.readStream(ending.signal)
      .catch(() => undefined)
      .finally(() => {
        if (!ending.signal.aborted) this.broke();
      });
    return () => ending.abort();
  }

  private async readStream(signal: AbortSignal): Promise<void> {
    const url = ofProject(`/api/events?calls=true&after=${encodeURIComponent(this.cursor)}`);
    const answer = await fetch(url, { signal });
    if (!answer.ok || !answer.body) return;
    this.opened();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      this.heard();
      const lines = (rest + part.value).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data: ")) this.take(frameOf(JSON.parse(line.slice(6))));
    }
  }

  private opened(): void {
    this.pauseMs = FIRST_PAUSE_MS;
    this.heard();
    this.tell("live");
  }

  private heard(): void {
    this.expectWithin(SILENT_MS);
  }

  /** Gives the connection up when nothing comes in time: a server that stands still, or a lost route, ends none. */
  private expectWithin(ms: number): void {
    window.clearTimeout(this.limit);
    this.limit = window.setTimeout(() => this.broke(), ms);
  }

  private hangUp(): void {
    window.clearTimeout(this.limit);
    this.close?.();
    this.close = null;
  }

  private broke(): void {
    this.hangUp();
    this.tell("away");
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.connect(), this.pauseMs);
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
  }

  private readonly retryNow = (): void => {
    if (this.state !== "away" || document.hidden || this.close) return;
    window.clearTimeout(this.timer);
    this.connect();
  };

  private take(frame: Frame): void {
    if ("resync" in frame) {
      this.cursor = frame.resync;
      for (const reread of this.resyncs) reread();
      return;
    }
    this.cursor = frame.cursor;
    if ("kind" in frame) this.buffer.push(frame);
    else if ("runs" in frame) this.hearRuns(frame);
    else return; // it only says that the connection is alive
    if (!this.cancelFlush) this.flushSoon();
  }

  private hearRuns({ runs, agents }: RunsChangedFrame): void {
    for (const run of runs) this.heardRuns.add(run);
    for (const agent of agents) this.heardAgents.add(agent);
  }

  /** Tells the listeners with the next frame; a hidden page draws none, and is brought up to date twice a second. */
  private flushSoon(): void {
    if (document.hidden) {
      const timer = window.setTimeout(this.flush, HIDDEN_MS);
      this.cancelFlush = () => window.clearTimeout(timer);
    } else {
      const frame = window.requestAnimationFrame(this.flush);
      this.cancelFlush = () => window.cancelAnimationFrame(frame);
    }
  }

  /** The page was hidden or shown: a frame that was waited for may never come. */
  private readonly turned = (): void => {
    if (this.cancelFlush) {
      this.cancelFlush();
      this.flushSoon();
    }
    this.retryNow();
  };

  private readonly flush = (): void => {
    this.cancelFlush = null;
    const events = this.buffer;
    const heard = { runs: this.heardRuns, agents: this.heardAgents };
    this.buffer = [];
    this.heardRuns = new Set();
    this.heardAgents = new Set();
    for (const listener of this.listeners) listener(events, heard);
  };

  private tell(state: Connection): void {
    if (state === this.state) return;
    this.state = state;
    for (const changed of this.watchers) changed();
  }
}

/** Server-sent events tell a resync by the name of the event; here its shape says it: a cursor and nothing else. */
function frameOf(data: LiveEvent | RunsChangedFrame | { cursor: string }): Frame {
  return "kind" in data || "runs" in data ? data : { resync: data.cursor };
}

export const live = new Live();
