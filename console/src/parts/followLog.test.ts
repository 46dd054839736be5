import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { followLog } from "./followLog";

vi.hoisted(() => vi.stubGlobal("window", { location: { origin: "http://titan.test" } }));

const PROBLEM = { type: "", message: "job j1: none such", subject: "", expected: "", found: "", next_step: "" };

/** A server with one log; `answers` says what the next streams are. */
class Server {
  text = "";
  isOver = false;
  status = 200;
  readonly offsets: string[] = [];
  private stream: ReadableStreamDefaultController<Uint8Array> | null = null;

  readonly fetch = async (path: string, { signal }: { signal: AbortSignal }): Promise<Response> => {
    if (this.status !== 200) return Response.json({ error: PROBLEM }, { status: this.status });
    const url = new URL(path, "http://titan.test");
    if (!url.pathname.endsWith("/log")) return Response.json({ ended_at: this.isOver ? "2026-03-01T12:00:00Z" : null });
    const headers = { "Titan-Log-Size": String(this.text.length) };
    if (!url.searchParams.has("follow")) return new Response("", { headers });
    const offset = url.searchParams.get("offset") ?? "";
    this.offsets.push(offset);
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => {
        this.stream = stream;
        if (Number(offset) < this.text.length)
          stream.enqueue(new TextEncoder().encode(this.text.slice(Number(offset))));
        if (this.isOver) stream.close();
        else signal.addEventListener("abort", () => stream.error(signal.reason));
      },
    });
    return new Response(body, { headers });
  };

  write(text: string): void {
    this.text += text;
    this.stream?.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.stream?.close();
  }
}

let server: Server;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  vi.stubGlobal("fetch", server.fetch);
  Object.assign(window, { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout });
});

afterEach(() => {
  vi.useRealTimers();
});

function follow() {
  const heard = { lines: [] as string[], problem: null as string | null, stop: () => {} };
  heard.stop = followLog("j1", 500, {
    onLines: (lines) => {
      heard.lines = lines.map((line) => line.spans.map((span) => span.text).join(""));
    },
    onProblem: (problem) => {
      heard.problem = problem;
    },
  });
  return heard;
}

test("a refusal that stays one is told with its status, and not asked for again", async () => {
  server.status = 404;
  const asked = vi.spyOn(server, "fetch");
  vi.stubGlobal("fetch", asked);

  const heard = follow();
  await vi.advanceTimersByTimeAsync(60_000);

  expect(heard.problem).toBe("The log was refused (HTTP 404): job j1: none such");
  expect(asked).toHaveBeenCalledTimes(1);
});

test.each([401, 429, 503])("after HTTP %i it goes on by itself", async (status) => {
  server.status = status;
  server.text = "one\n";

  const heard = follow();
  await vi.advanceTimersByTimeAsync(1500);
  expect(heard.problem).toContain("Trying again");
  server.status = 200;
  await vi.advanceTimersByTimeAsync(1500);

  expect([heard.problem, heard.lines]).toEqual([null, ["one"]]);
  heard.stop();
});

test("a stream that is silent for 35 s is asked for anew behind what came", async () => {
  server.text = "one\n";

  const heard = follow();
  await vi.advanceTimersByTimeAsync(20_000);
  server.write("two\n");
  await vi.advanceTimersByTimeAsync(30_000);
  expect(server.offsets).toEqual(["0"]);
  await vi.advanceTimersByTimeAsync(10_000);
  server.write("three\n");
  await vi.advanceTimersByTimeAsync(200);

  expect(server.offsets).toEqual(["0", "8"]);
  expect([heard.problem, heard.lines]).toEqual([null, ["one", "two", "three"]]);
  heard.stop();
});

test("a stream that ends before its job does goes on, and ends with it", async () => {
  server.text = "one\n";

  const heard = follow();
  await vi.advanceTimersByTimeAsync(200);
  server.end();
  await vi.advanceTimersByTimeAsync(1500);
  server.write("two\n");
  server.isOver = true;
  server.end();
  await vi.advanceTimersByTimeAsync(60_000);

  expect(server.offsets).toEqual(["0", "4"]);
  expect(heard.lines).toEqual(["one", "two"]);
});
