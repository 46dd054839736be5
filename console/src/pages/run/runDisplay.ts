/** Tabs, action kinds and time formats of a run's page. */
import type { ActionKind } from "../../api/types";
import { duration } from "../../components/format";

export const TABS = ["stages", "trace", "telemetry", "simulation", "determinism"] as const;
export type Tab = (typeof TABS)[number];

export const TAB_NAMES: Record<Tab, string> = {
  stages: "Stages",
  trace: "Trace",
  telemetry: "Telemetry",
  simulation: "Simulation",
  determinism: "Determinism",
};

/**
 * Returns the tabs of a run: stages where it has any; trace and telemetry where it has actions or nothing else; always
 * simulation and determinism.
 */
export function tabsOf(hasStages: boolean, hasActions: boolean): Tab[] {
  return TABS.filter((tab) => {
    if (tab === "stages") return hasStages;
    return tab === "simulation" || tab === "determinism" || hasActions || !hasStages;
  });
}

/** Returns the requested tab, else the first with content. */
export function tabIn(text: string | null, hasStages: boolean, hasActions: boolean): Tab {
  return (
    tabsOf(hasStages, hasActions).find((tab) => tab === text) ?? (hasStages && !hasActions ? "stages" : "telemetry")
  );
}

export const KINDS: Record<ActionKind, { glyph: string; word: string; tone: string }> = {
  model: { glyph: "✦", word: "Model", tone: "purple" },
  tool: { glyph: "⚒", word: "Tool", tone: "blue" },
  call: { glyph: "ƒ", word: "Call", tone: "blue" },
  agent: { glyph: "◉", word: "Agent", tone: "green" },
  step: { glyph: "▤", word: "Step", tone: "grey" },
  turn: { glyph: "❝", word: "Turn", tone: "grey" },
  thought: { glyph: "☁", word: "Thought", tone: "amber" },
  handoff: { glyph: "⇄", word: "Handoff", tone: "amber" },
  event: { glyph: "⚑", word: "Event", tone: "grey" },
};

/** Returns a duration in a suitable unit: `42 µs`, `523 ms`, `3.2 s`. */
export function lengthWords(us: number): string {
  return duration(us / 1000);
}

const MILLISECONDS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });

/** Returns a duration in milliseconds, exact to the nanosecond: `11,091.204512 ms`. */
export function exactLength(us: number): string {
  return `${MILLISECONDS.format(us / 1000)} ms`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** Returns the local time to the millisecond, rounded down: `14:03:07.123`. */
export function clockTime(at: number): string {
  return CLOCK.format(Math.floor(at));
}

/** Returns a moment in UTC to the microsecond: `2026-01-01T14:03:07.123456Z`. */
export function exactMoment(at: number): string {
  const us = Math.round(at * 1000);
  const whole = Math.floor(us / 1000);
  return new Date(whole).toISOString().replace("Z", `${String(us - whole * 1000).padStart(3, "0")}Z`);
}

/** Returns the local time, and on a second line UTC to the microsecond. */
export function bothTimes(at: number): string {
  return `${new Date(at).toLocaleString()}\n${exactMoment(at).replace("T", " ").replace("Z", " UTC")}`;
}

/** Returns the words of a search. */
export function wordsIn(q: string): string[] {
  return q.split(/\s+/).filter(Boolean);
}
