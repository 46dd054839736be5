/** The log's web worker: loads, follows and searches a log, and serves the visible lines, without blocking the page. */
import { stripAnsi } from "../../components/ansi";
import { type FollowedLog, followLog, type LogHearer } from "../../components/followLog";
import type { FromWorker, Phase, ShownLine, ToWorker } from "./logClient";
import { LogIndex, type LogLine } from "./logIndex";
import { expressionOf, type LogQuery, LogSearch, rangesIn } from "./logSearch";

const MOST_BYTES = 1024 * 1024 * 1024; // of a larger log only the end is loaded
const TELL_MS = 50; // between two progress reports
const SLICE_MS = 12; // of searching, between two messages
const SPREAD_PARTS = 200;
const LOOKED_AT_BYTES = 8192; // to detect binary data

const index = new LogIndex();
let followed: FollowedLog | null = null;
let search: LogSearch | null = null;
let isSearching = false;
let phase: Phase = "opening";
let size = 0;
let skipped = 0;
let isBinary = false;
let toldAt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

function post(message: FromWorker): void {
  self.postMessage(message);
}

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  switch (data.kind) {
    case "open":
      followed = followLog(data.url, MOST_BYTES, data.isLive, hearer);
      break;
    case "live":
      followed?.setLive(data.isLive);
      break;
    case "lines":
      giveLines(data.from, data.to);
      break;
    case "search":
      begin(data.query);
      break;
    case "ping":
      post({ kind: "pong" });
      break;
    case "seek":
      post({ kind: "sought", id: data.id, hit: search?.seek(data.from, data.step) ?? null });
      break;
    case "text":
      post({ kind: "text", id: data.id, text: index.plainText(data.from, Math.min(data.to, index.lineCount)) });
      break;
    case "whole":
      post({ kind: "text", id: data.id, text: stripAnsi(index.line(data.line, data.most).text) });
      break;
  }
};

const hearer: LogHearer = {
  onSize(now, left) {
    size = now;
    skipped = left;
    noteProgress();
  },
  onBytes(bytes) {
    if (index.size === 0) isBinary = bytes.subarray(0, LOOKED_AT_BYTES).includes(0);
    index.append(bytes);
    noteProgress();
    return index.size <= MOST_BYTES * 1.5;
  },
  onEnd(end) {
    phase = end;
    tell();
  },
  onRefusal(status, message) {
    post({ kind: "failed", status, message });
  },
};

function noteProgress(): void {
  phase = skipped + index.size < size ? "loading" : "following";
  tellSoon();
}

function tellSoon(): void {
  timer ??= setTimeout(tell, Math.max(0, toldAt + TELL_MS - performance.now()));
}

function tell(): void {
  clearTimeout(timer);
  timer = undefined;
  toldAt = performance.now();
  const { lineCount, size: bytes, longest } = index;
  post({
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
  post({ kind: "lines", from, lines });
}

/** A catastrophic expression would hang the page; here the worker is replaced. */
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
  if (now) post({ kind: "found", count: now.hits.length, searched: now.lines, spread: now.spread(SPREAD_PARTS) });
  isSearching = goesOn;
  if (goesOn) setTimeout(searchSome);
}
