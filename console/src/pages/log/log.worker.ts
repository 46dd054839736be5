/** Holds a log: loads and follows it, gives the lines in sight, searches. It never keeps the page waiting. */
import { stripAnsi } from "../../parts/ansi";
import { type End, Following } from "./following";
import { LogIndex, type LogLine } from "./logIndex";
import type { FromWorker, Phase, ShownLine, ToWorker } from "./logMessages";
import { expressionOf, type LogQuery, LogSearch, rangesIn } from "./logSearch";

const MOST_BYTES = 1024 * 1024 * 1024; // of a larger log the end is loaded
const PAUSE_MS = 1000; // before a stream that broke, or ended before its job, is asked for again
const TELL_MS = 50; // between two reports of what has come
const SLICE_MS = 12; // of searching, before questions are answered
const SPREAD_PARTS = 200;
const LOOKED_AT_BYTES = 8192; // to tell binary from text

const index = new LogIndex();
let following: Following | null = null;
let search: LogSearch | null = null;
let isSearching = false;
let url = "";
let phase: Phase = "opening";
let size = 0;
let skipped = 0;
let isBinary = false;
let toldAt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

function say(message: FromWorker): void {
  self.postMessage(message);
}

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  switch (data.kind) {
    case "open":
      url = data.url;
      following = new Following(data.isLive, read, pause);
      void following.run();
      break;
    case "live":
      following?.setLive(data.isLive);
      break;
    case "lines":
      giveLines(data.from, data.to);
      break;
    case "search":
      begin(data.query);
      break;
    case "ping":
      say({ kind: "pong" });
      break;
    case "seek":
      say({ kind: "sought", id: data.id, hit: search?.seek(data.from, data.step) ?? null });
      break;
    case "text":
      say({ kind: "text", id: data.id, text: index.plainText(data.from, Math.min(data.to, index.lineCount)) });
      break;
    case "whole":
      say({ kind: "text", id: data.id, text: stripAnsi(index.line(data.line, data.most).text) });
      break;
  }
};

/** Reads what there is and what comes, from the first byte that is not here until the job has ended. */
async function read(): Promise<End> {
  let end: End;
  try {
    const answer = await ask();
    end = answer.ok && answer.body ? await take(answer.body.getReader()) : await fail(answer);
    if (answer.ok) phase = "ended";
  } catch {
    end = "broken";
  }
  if (end === "broken") phase = "broken";
  tell();
  return end;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

async function ask(): Promise<Response> {
  const answer = await fetch(withQuery({ offset: skipped + index.size, follow: true }));
  size = Number(answer.headers.get("Titan-Log-Size")) || 0;
  if (index.size > 0 || size - skipped <= MOST_BYTES) return answer;
  await answer.body?.cancel();
  skipped = size - MOST_BYTES;
  return await ask();
}

async function take(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<End> {
  phase = skipped + index.size < size ? "loading" : "following";
  tellSoon();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (index.size === 0) isBinary = part.value.subarray(0, LOOKED_AT_BYTES).includes(0);
    index.append(part.value);
    if (phase === "loading" && skipped + index.size >= size) phase = "following";
    tellSoon();
    if (index.size <= MOST_BYTES * 1.5) continue;
    await reader.cancel();
    return "over";
  }
  return "ended";
}

function withQuery(more: Record<string, number | boolean>): string {
  const whole = new URL(url, self.location.origin);
  for (const [name, value] of Object.entries(more)) whole.searchParams.set(name, String(value));
  return whole.href;
}

async function fail(answer: Response): Promise<End> {
  if (answer.status >= 500) return "broken";
  let message = `HTTP ${answer.status}`;
  try {
    message = ((await answer.json()) as { error: { message: string } }).error.message;
  } catch {
    // no answer of the server's own
  }
  say({ kind: "failed", status: answer.status, message });
  return "over";
}

function tellSoon(): void {
  timer ??= setTimeout(tell, Math.max(0, toldAt + TELL_MS - performance.now()));
}

function tell(): void {
  clearTimeout(timer);
  timer = undefined;
  toldAt = performance.now();
  const { lineCount, size: bytes, longest } = index;
  say({
    kind: "facts",
    phase,
    lines: lineCount,
    bytes,
    size: Math.max(size, skipped + bytes),
    longest,
    skipped,
    isBinary,
  });
  goOnSearching();
}

function giveLines(from: number, to: number): void {
  const last = Math.min(to, index.lineCount);
  const lines = [];
  for (let line = from; line < last; line += 1) lines.push(marked(index.line(line)));
  say({ kind: "lines", from, lines });
}

/** The page could be hung by an expression without end; here it can be given up. */
function marked(line: LogLine): ShownLine {
  return { ...line, marks: search ? rangesIn(stripAnsi(line.text), search.expression) : [] };
}

function begin(query: LogQuery | null): void {
  const expression = query ? expressionOf(query) : null;
  search = query && expression instanceof RegExp ? new LogSearch(index, expression, !query.isRegex) : null;
  goOnSearching();
}

function goOnSearching(): void {
  if (isSearching || !search) return;
  isSearching = true;
  setTimeout(searchSome);
}

function searchSome(): void {
  const until = performance.now() + SLICE_MS;
  const now = search;
  let goesOn = now !== null;
  while (now && goesOn && performance.now() < until) goesOn = now.step(phase === "ended");
  if (now) say({ kind: "found", count: now.hits.length, searched: now.lines, spread: now.spread(SPREAD_PARTS) });
  isSearching = goesOn;
  if (goesOn) setTimeout(searchSome);
}
