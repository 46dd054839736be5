import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Live, type LiveEvent } from "./live";

/** A WebSocket that does what the test says. */
class Socket {
  static readonly all: Socket[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  isClosed = false;
  readonly url: URL;

  constructor(url: URL) {
    this.url = url;
    Socket.all.push(this);
  }

  close(): void {
    this.isClosed = true;
  }
}

const page = Object.assign(new EventTarget(), { hidden: false });

function turn(hidden: boolean): void {
  page.hidden = hidden;
  page.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  Socket.all.length = 0;
  page.hidden = false;
  const timers = {
    setTimeout: (run: () => void, ms: number) => setTimeout(run, ms),
    clearTimeout: (timer: number) => clearTimeout(timer),
    requestAnimationFrame: () => 1, // which never comes, as where the page was hidden before it
    cancelAnimationFrame: () => undefined,
  };
  vi.stubGlobal("window", Object.assign(new EventTarget(), timers, { location: { href: "http://titan.test/" } }));
  vi.stubGlobal("document", page);
  vi.stubGlobal("WebSocket", Socket);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("what came before the page was hidden is told though no frame is drawn any more", () => {
  const live = new Live();
  const heard: LiveEvent[] = [];
  live.onEvents((events) => heard.push(...events));

  live.start();
  Socket.all[0]?.onopen?.();
  Socket.all[0]?.onmessage?.({ data: JSON.stringify({ kind: "JobLeased", cursor: "1" }) });
  turn(true);
  vi.advanceTimersByTime(500);
  live.stop();

  expect(heard.map((event) => event.cursor)).toEqual(["1"]);
});

test("a WebSocket whose handshake takes over 10 s is given up, and another one opened", () => {
  const live = new Live();

  live.start();
  vi.advanceTimersByTime(10_000);
  expect(Socket.all[0]?.isClosed).toBe(true);
  expect(live.connection()).toBe("away");
  vi.advanceTimersByTime(250);
  Socket.all[1]?.onopen?.();
  vi.advanceTimersByTime(30_000);

  expect(Socket.all).toHaveLength(2);
  expect(live.connection()).toBe("live");
  live.stop();
});

test("a WebSocket on which nothing comes for 35 s is given up, and another one goes on behind its cursor", () => {
  const live = new Live();

  live.start();
  Socket.all[0]?.onopen?.();
  Socket.all[0]?.onmessage?.({ data: JSON.stringify({ kind: "JobLeased", cursor: "7" }) });
  vi.advanceTimersByTime(34_999);
  expect(live.connection()).toBe("live");
  vi.advanceTimersByTime(1);
  expect(live.connection()).toBe("away");
  expect(Socket.all[0]?.isClosed).toBe(true);
  vi.advanceTimersByTime(250);

  expect(Socket.all.map((socket) => socket.url.searchParams.get("after"))).toEqual(["none", "7"]);
  live.stop();
});

test("a sign of life every 10 s keeps a quiet connection, and is told to nobody", () => {
  const live = new Live();
  const heard: LiveEvent[] = [];
  live.onEvents((events) => heard.push(...events));
  turn(true);

  live.start();
  Socket.all[0]?.onopen?.();
  for (let beat = 0; beat < 10; beat += 1) {
    vi.advanceTimersByTime(10_000);
    Socket.all[0]?.onmessage?.({ data: JSON.stringify({ cursor: "7" }) });
  }

  expect(live.connection()).toBe("live");
  expect([Socket.all.length, heard.length]).toEqual([1, 0]);
  live.stop();
});

test("server-sent events that stand still are given up as well, for a WebSocket", async () => {
  const stream = new TransformStream<Uint8Array, Uint8Array>();
  const server = stream.writable.getWriter();
  vi.stubGlobal("fetch", async () => new Response(stream.readable));
  const live = new Live();

  live.start();
  Socket.all[0]?.onclose?.();
  await vi.advanceTimersByTimeAsync(250);
  Socket.all[1]?.onclose?.();
  await vi.advanceTimersByTimeAsync(500);
  expect(live.connection()).toBe("live");
  await vi.advanceTimersByTimeAsync(20_000);
  void server.write(new TextEncoder().encode(": still here\n\n"));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(live.connection()).toBe("live");
  await vi.advanceTimersByTimeAsync(15_000);

  expect(live.connection()).toBe("away");
  await vi.advanceTimersByTimeAsync(250);
  expect(Socket.all).toHaveLength(3);
  live.stop();
});

test("runs that were heard of again and again within a frame are told once, and the stream goes on behind them", () => {
  const live = new Live();
  const heard: string[][] = [];
  page.hidden = true;
  live.onEvents((events, { runs, agents }) => heard.push([String(events.length), ...runs, ...agents]));

  live.start();
  Socket.all[0]?.onopen?.();
  for (const cursor of ["1", "2"]) {
    Socket.all[0]?.onmessage?.({ data: JSON.stringify({ runs: ["r1", `r${cursor}`], agents: ["a"], cursor }) });
  }
  vi.advanceTimersByTime(500);
  Socket.all[0]?.onclose?.();
  vi.advanceTimersByTime(250);
  live.stop();

  expect(heard).toEqual([["0", "r1", "r2", "a"]]);
  expect(Socket.all[1]?.url.searchParams.get("after")).toBe("2");
});
