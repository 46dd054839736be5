import type { Window } from "../api/recorded";

const WORDS: Record<Window, string> = { "24h": "24 hours", "7d": "7 days", "30d": "30 days", all: "All time" };

export function windowWord(window: Window): string {
  return WORDS[window];
}

/** Returns a window within a sentence: `in the last 7 days`, `in all time`. */
export function inWindow(window: Window): string {
  return window === "all" ? "in all time" : `in the last ${WORDS[window]}`;
}
