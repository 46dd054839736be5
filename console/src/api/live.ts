/**
 * The live layer: one event stream for the whole page, over WebSocket, or server-sent events where a proxy blocks
 * WebSockets. Every event has a cursor; a stream that breaks resumes after the last one, so no event is missed.
 */
import type { Schemas } from "./client";
import { ofProject } from "./project";

export type LiveEvent = Schemas["EventView"];
type RunsChangedFrame = Schemas["RunsChangedFrame"];
type Frame = LiveEvent | RunsChangedFrame | Schemas["ResyncFrame"] | Schemas["QuietFrame"];
export type Connection = "connecting" | "live" | "away";

/** Runs and agents with new calls. */
export interface RunsChanged {
  runs: ReadonlySet<string>;
  agents: ReadonlySet<string>;
}

type Listener = (events: readonly LiveEvent[], heard: RunsChanged) => void;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
const SOCKET_TRIES = 2; // failed attempts before server-sent events are tried
const HANDSHAKE_MS = 10_000; // a connection fails after this: some proxies never answer
const SILENT_MS = 35_000; // a connection is broken after this: the server sends something every 10 s
const HIDDEN_MS = 500; // between two updates of a hidden page
const NO_CURSOR = "none"; // not a cursor of any journal: the server answers with the current one

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

  /** Starts the stream; also after `stop`. */
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

  /** Calls `listener` at most once per frame with the new events; returns how to unsubscribe. */
  onEvents(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls `reread` when events may have been missed and everything must be reloaded. */
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
    this.vainTries += 1; // reset when it opens
    return () => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    };
  }

  private openStream(): () => void {
    const ending = new AbortController();
    this.vainTries = 0; // WebSocket again next time: the server may only have been down
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

  /** Closes the connection when nothing arrives in time: a hung server or a lost route does not close it. */
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
    else return; // a keep-alive
    if (!this.cancelFlush) this.flushSoon();
  }

  private hearRuns({ runs, agents }: RunsChangedFrame): void {
    for (const run of runs) this.heardRuns.add(run);
    for (const agent of agents) this.heardAgents.add(agent);
  }

  /** Notifies the listeners with the next frame. A hidden page draws no frames, so a timer does it twice a second. */
  private flushSoon(): void {
    if (document.hidden) {
      const timer = window.setTimeout(this.flush, HIDDEN_MS);
      this.cancelFlush = () => window.clearTimeout(timer);
    } else {
      const frame = window.requestAnimationFrame(this.flush);
      this.cancelFlush = () => window.cancelAnimationFrame(frame);
    }
  }

  /** The page was hidden or shown: the awaited frame may never come. */
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

/** Server-sent events mark a resync by the event's name; here a lone cursor marks it. */
function frameOf(data: LiveEvent | RunsChangedFrame | { cursor: string }): Frame {
  return "kind" in data || "runs" in data ? data : { resync: data.cursor };
}

export const live = new Live();
