/** What the page and the log's worker say to each other. */
import type { LogLine } from "./logIndex";
import type { LogQuery, Range } from "./logSearch";

export type ToWorker =
  | { kind: "open"; url: string; isLive: boolean }
  /** Whether the job goes on: so long its log does. */
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

/** A line with where the search matches in it, of the text without terminal sequences. */
export type ShownLine = LogLine & { readonly marks: readonly Range[] };

export type Phase = "opening" | "loading" | "following" | "ended" | "broken";

export interface LogFacts {
  readonly phase: Phase;
  readonly lines: number;
  /** Bytes that are here. */
  readonly bytes: number;
  /** Bytes there were when the log was opened, which are being loaded. */
  readonly size: number;
  /** Bytes of the longest line. */
  readonly longest: number;
  /** Bytes at the beginning that were not loaded, as there are more than a page can hold. */
  readonly skipped: number;
  /** Whether it looks like no text. */
  readonly isBinary: boolean;
}

export interface Found {
  /** Matching lines so far. */
  readonly count: number;
  /** Lines that were searched. */
  readonly searched: number;
  /** For each equal part of the log whether it has a hit. */
  readonly spread: Uint8Array;
}

export interface Hit {
  readonly line: number;
  /** Its place among the matching lines, from 0. */
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
