/** Values as text. Unknown is "–", never 0. */
import type { TallyView, Window } from "../api/types";

export const NOTHING = "–";

// Created once: a formatter takes half a millisecond, too long for each row of a list.
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY_AND_CLOCK = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const DAY_OF_YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const WHOLE = new Intl.NumberFormat("en-US");

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const LEAST_MILLISECOND = 0.9995; // above this, three digits would make it 1,000 µs
const SMALL = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

/**
 * Returns a duration, rounded: `7.02 µs`, `2.4 ms`, `523 ms`, `3.3 s`, `4 min 5 s`, `2 h 5 min`. The command line uses
 * the same format.
 */
export function duration(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined || Number.isNaN(milliseconds)) return NOTHING;
  const length = Math.max(0, milliseconds);
  if (length > 0 && length < LEAST_MILLISECOND) return `${SMALL.format(length * 1000)} µs`;
  if (Math.round(length) < SECOND) return `${length >= 100 ? Math.round(length) : SMALL.format(length)} ms`;
  return inLargeUnits(length);
}

/** A unit ends where rounding gives the next one: 59.96 s are a minute. */
function inLargeUnits(length: number): string {
  const tenths = Math.round(length / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(length / SECOND);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(length / MINUTE);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(length / HOUR);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/**
 * Returns the milliseconds between two of the server's timestamps, exact to the microsecond, where `Date` has
 * milliseconds.
 */
export function between(from: string, to: string): number {
  const whole = Date.parse(to) - Date.parse(from);
  return whole + (belowMillisecond(to) - belowMillisecond(from)) / 1000;
}

/** Returns the microseconds of a timestamp that `Date` drops: 0 to 999. */
export function belowMillisecond(at: string): number {
  const digits = /\.\d{3}(\d{1,3})/.exec(at)?.[1] ?? "";
  return Number(digits.padEnd(3, "0"));
}

/** Returns an age in its largest unit: `now`, `42 s ago`, `5 h ago`; in the future `in 3 min`. */
export function age(at: number, now: number): string {
  const elapsed = now - at;
  const length = Math.abs(elapsed);
  if (length < SECOND) return "now";
  const [size, unit] = largestUnit(length);
  const amount = elapsed < 0 ? Math.round(length / size) : Math.floor(length / size);
  return elapsed < 0 ? `in ${amount} ${unit}` : `${amount} ${unit} ago`;
}

function largestUnit(length: number): [number, string] {
  if (length < MINUTE) return [SECOND, "s"];
  if (length < HOUR) return [MINUTE, "min"];
  return length < DAY ? [HOUR, "h"] : [DAY, "d"];
}

/** Returns the local time, with the date unless it is today: `14:03:07`, `12 Mar 14:03`, `12 Mar 2025`. */
export function moment(at: number, now: number): string {
  const date = new Date(at);
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) return CLOCK.format(date);
  return date.getFullYear() === today.getFullYear()
    ? DAY_AND_CLOCK.format(date).replace(",", "")
    : DAY_OF_YEAR.format(date);
}

/** Returns the local date: `12 Mar 2025`. */
export function day(at: number): string {
  return DAY_OF_YEAR.format(at);
}

/** Returns a size in the largest binary unit of 1 or more: `3.4 MiB`. */
export function bytes(size: number | null | undefined): string {
  if (size === null || size === undefined) return NOTHING;
  if (size < 1024) return `${size} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let amount = size / 1024;
  let unit = 0;
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${amount.toFixed(1)} ${units[unit]}`;
}

/** Returns a share with three significant digits: `20 %`, `7.5 %`. */
export function percent(share: number): string {
  return `${SMALL.format(share * 100)} %`;
}

/** Returns a count with its noun: `1 job`, `2 jobs`, `1,200 jobs`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${WHOLE.format(number)} ${number === 1 ? noun : plural}`;
}

/** Returns the suffix of a count that is a lower bound. */
export function countedUpTo(isCapped: boolean, isSearchCapped: boolean): string {
  if (isSearchCapped) return " among the newest matches";
  return isCapped ? " and more" : "";
}

/** Returns nanoseconds as milliseconds. */
export function ofNanoseconds(length: number | null | undefined): number | null {
  return length === null || length === undefined ? null : length / 1e6;
}

/** Returns a rate: `98.6 %`, `100 %`; 100 % only for all, 0 % only for none; "–" without attempts. */
export function rate(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return NOTHING;
  if (share === 0 || share === 1) return `${share * 100} %`;
  const percent = Math.min(99.9, Math.max(0.1, share * 100));
  return `${percent.toFixed(1)} %`;
}

const WORDS: Record<Window, string> = { "24h": "24 hours", "7d": "7 days", "30d": "30 days", all: "All time" };

export function windowWord(window: Window): string {
  return WORDS[window];
}

/** Returns a window for a sentence: `in the last 7 days`, `in all time`. */
export function inWindow(window: Window): string {
  return window === "all" ? "in all time" : `in the last ${WORDS[window]}`;
}

/** Returns a number of tokens, a dash where it is unknown. */
export function amount(tokens: number | null): string {
  return tokens === null ? NOTHING : WHOLE.format(tokens);
}

/** Returns a run's tokens, null where none are known. */
export function tokensOf(tally: Pick<TallyView, "input_tokens" | "output_tokens">): number | null {
  return (tally.input_tokens ?? 0) + (tally.output_tokens ?? 0) || null;
}
