import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type End, Following, followLog } from "./followLog";
import { tailLog } from "./LogTail";

vi.hoisted(() => vi.stubGlobal("self", { location: { origin: "http://titan.test" } }));

const PROBLEM = { type: "", message: "job j1: no such name", subject: "", expected: "", found: "", next_step: "" };

/** A server with one log; `answers` says what the next streams are. */
class Server {
  text = "";
  status = 200;
  stallsAt = Number.POSITIVE_INFINITY;
  readonly offsets: string[] = [];
  private stream: ReadableStreamDefaultController<Uint8Array> | null = null;

  readonly fetch = async (url: URL, { signal }: { signal: AbortSignal }): Promise<Response> => {
    if (this.status !== 200) return Response.json({ error: PROBLEM }, { status: this.status });
    const headers = { "Titan-Log-Size": String(this.text.length) };
    if (!url.searchParams.has("follow")) return new Response("", { headers });
    const offset = url.searchParams.get("offset") ?? "";
    this.offsets.push(offset);
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => {
        this.stream = stream;
        const sent = this.text.slice(Number(offset), this.stallsAt);
        if (sent) stream.enqueue(new TextEncoder().encode(sent));
        signal.addEventListener("abort", () => stream.error(signal.reason));
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
});

afterEach(() => {
  vi.useRealTimers();
});

function follow() {
  const heard = { lines: [] as string[], problem: null as string | null };
  const log = tailLog("j1", 500, {
    onLines: (lines) => {
      heard.lines = lines.map((line) => line.spans.map((span) => span.text).join(""));
    },
    onProblem: (problem) => {
      heard.problem = problem;
    },
  });
  log.setLive(true);
  return { heard, log };
}

/** Follows a log, and notes all that is told of it. */
function hearOf(isLive: boolean) {
  const told: string[] = [];
  const log = followLog("/log", 1000, isLive, {
    onSize: () => undefined,
    onBytes: (bytes) => told.push(new TextDecoder().decode(bytes)) > 0,
    onEnd: (end) => told.push(end),
    onRefusal: (status) => told.push(String(status)),
  });
  return { told, log };
}

test("a refusal that stays one is told with its status, and not asked for again", async () => {
  server.status = 404;
  const asked = vi.spyOn(server, "fetch");
  vi.stubGlobal("fetch", asked);

  const { heard } = follow();
  await vi.advanceTimersByTimeAsync(60_000);

  expect(heard.problem).toBe("The server refused the log (HTTP 404): job j1: no such name");
  expect(asked).toHaveBeenCalledTimes(1);
});

test.each([401, 429, 503])("after HTTP %i it goes on by itself", async (status) => {
  server.status = status;
  server.text = "one\n";

  const { heard, log } = follow();
  await vi.advanceTimersByTimeAsync(1500);
  expect(heard.problem).toContain("Retrying");
  server.status = 200;
  await vi.advanceTimersByTimeAsync(1500);

  expect([heard.problem, heard.lines]).toEqual([null, ["one"]]);
  log.close();
});

test("a stream that is silent for 35 s is asked for anew behind what came", async () => {
  server.text = "one\n";

  const { heard, log } = follow();
  await vi.advanceTimersByTimeAsync(20_000);
  server.write("two\n");
  await vi.advanceTimersByTimeAsync(30_000);
  expect(server.offsets).toEqual(["0"]);
  await vi.advanceTimersByTimeAsync(10_000);
  server.write("three\n");
  await vi.advanceTimersByTimeAsync(200);

  expect(server.offsets).toEqual(["0", "8"]);
  expect([heard.problem, heard.lines]).toEqual([null, ["one", "two", "three"]]);
  log.close();
});

test("a stream that ends before its job does goes on, and ends with it", async () => {
  server.text = "one\n";

  const { heard, log } = follow();
  await vi.advanceTimersByTimeAsync(200);
  server.end();
  await vi.advanceTimersByTimeAsync(1500);
  server.write("two\n");
  log.setLive(false);
  server.end();
  await vi.advanceTimersByTimeAsync(1500);
  server.end();
  await vi.advanceTimersByTimeAsync(60_000);

  expect(server.offsets).toEqual(["0", "4", "8"]);
  expect(heard.lines).toEqual(["one", "two"]);
});

test("the log of a job that is over, of which a part does not come, is asked for again from there", async () => {
  server.text = "one\ntwo\n";
  server.stallsAt = 4;

  const { told } = hearOf(false);
  await vi.advanceTimersByTimeAsync(34_000);
  expect(told).toEqual(["one\n"]);
  server.stallsAt = Number.POSITIVE_INFINITY;
  await vi.advanceTimersByTimeAsync(3000);
  server.end();
  await vi.advanceTimersByTimeAsync(60_000);

  expect(told).toEqual(["one\n", "broken", "two\n", "ended"]);
  expect(server.offsets).toEqual(["0", "4"]);
});

test("a job that writes nothing for long, or whose server stops, has not ended: its last line may go on", async () => {
  server.text = "one\nhalf";

  const { told, log } = hearOf(true);
  await vi.advanceTimersByTimeAsync(100_000);
  server.end();
  await vi.advanceTimersByTimeAsync(3000);
  expect(told).toEqual(["one\nhalf"]);
  server.write(" a line\n");
  log.setLive(false);
  server.end();
  await vi.advanceTimersByTimeAsync(100);
  server.end();
  await vi.advanceTimersByTimeAsync(100);

  expect(told).toEqual(["one\nhalf", " a line\n", "ended"]);
});

/** A log whose readings end as told, the first one first; `told` is what happened, `during` what happens in a reading. */
function aLog(isLive: boolean, ends: End[], during: (reading: number, log: Following) => void = () => undefined) {
  const told: string[] = [];
  let reading = 0;
  const log: Following = new Following(
    isLive,
    async () => {
      reading += 1;
      during(reading, log);
      const end = ends.shift() ?? "over";
      told.push(end);
      return end;
    },
    async () => {
      told.push("pause");
    },
  );
  return { log, told };
}

test("a log is asked for again, with a pause, for as long as the server is away", async () => {
  const { log, told } = aLog(false, ["broken", "broken", "broken", "ended"]);

  await log.run();

  expect(told).toEqual(["broken", "pause", "broken", "pause", "broken", "pause", "ended"]);
});

test("the log of a job that has ended is read once", async () => {
  const { log, told } = aLog(false, ["ended"]);

  await log.run();

  expect(told).toEqual(["ended"]);
});

test("a job that ends while its log is read is read once more, without a pause", async () => {
  const { log, told } = aLog(true, ["ended", "ended"], (reading, following) => {
    if (reading === 1) following.setLive(false);
  });

  await log.run();

  expect(told).toEqual(["ended", "ended"]);
});

test("a stream that ends before its job is taken up again each time", async () => {
  const { log, told } = aLog(true, ["ended", "ended", "ended", "ended"], (reading, following) => {
    if (reading === 3) following.setLive(false);
  });

  await log.run();

  expect(told).toEqual(["ended", "pause", "ended", "pause", "ended", "ended"]);
});

test("a log that was refused is not asked for again", async () => {
  const { log, told } = aLog(true, ["over", "ended"]);

  await log.run();

  expect(told).toEqual(["over"]);
});

test("a job that runs again is followed again", async () => {
  const { log, told } = aLog(false, ["ended", "over"]);
  await log.run();

  log.setLive(true);
  await log.run();

  expect(told).toEqual(["ended", "over"]);
});

test("of a job that is told to be live late, and ends in the same reading, what is left is read too", async () => {
  const { log, told } = aLog(false, ["ended", "ended"], (reading, following) => {
    if (reading > 1) return;
    following.setLive(true);
    following.setLive(false);
  });

  await log.run();

  expect(told).toEqual(["ended", "ended"]);
});
