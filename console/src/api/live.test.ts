import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Live, type LiveEvent } from "./live";

/** A WebSocket that does what the test says. */
class Socket {
  static readonly all: Socket[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  isClosed = false;

  constructor() {
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
  vi.advanceTimersByTime(60_000);

  expect(Socket.all).toHaveLength(2);
  expect(live.connection()).toBe("live");
  live.stop();
});
