/** The part of a run's time axis that is on the screen, in microseconds since the run's start. */

export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

const LEAST_US = 10; // the clocks are not more precise

/** Returns the range in an address, within the full range; the full range without one. */
export function rangeIn(from: string | null, to: string | null, fullRange: TimeRange): TimeRange {
  const [start, end] = [Number(from ?? Number.NaN), Number(to ?? Number.NaN)];
  return Number.isFinite(start) && Number.isFinite(end) ? within({ from: start, to: end }, fullRange) : fullRange;
}

/** Returns the range scaled by `factor` around `at`. */
export function zoomed(range: TimeRange, factor: number, at: number, fullRange: TimeRange): TimeRange {
  const focus = Math.min(range.to, Math.max(range.from, at));
  return within({ from: focus - (focus - range.from) * factor, to: focus + (range.to - focus) * factor }, fullRange);
}

/** Returns the range moved by a share of its length. */
export function moved(range: TimeRange, share: number, fullRange: TimeRange): TimeRange {
  const by = (range.to - range.from) * share;
  return within({ from: range.from + by, to: range.to + by }, fullRange);
}

/** Returns the address fields for a range; none for the full range. */
export function rangeFields(range: TimeRange, fullRange: TimeRange): { from: string | null; to: string | null } {
  if (range.from <= fullRange.from && range.to >= fullRange.to) return { from: null, to: null };
  return { from: String(Math.round(range.from)), to: String(Math.round(range.to)) };
}

function within(range: TimeRange, fullRange: TimeRange): TimeRange {
  const length = Math.min(fullRange.to - fullRange.from, Math.max(LEAST_US, range.to - range.from));
  const from = Math.min(Math.max(range.from, fullRange.from), fullRange.to - length);
  return { from, to: from + length };
}

/** Returns at most `most` marks at multiples of 1, 2 or 5 times a power of ten microseconds. */
export function marksIn(range: TimeRange, most: number): number[] {
  const step = roundStep((range.to - range.from) / Math.max(1, most));
  const first = Math.ceil(range.from / step) * step || 0; // not -0
  const marks: number[] = [];
  for (let at = first; at <= range.to; at += step) marks.push(at);
  return marks;
}

function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return ([1, 2, 5].find((digit) => digit * power >= least) ?? 10) * power;
}

/** Returns a position on the axis as text: `0`, `+250 µs`, `+1.5 s`, `+2 min 5 s`. */
export function placeWords(us: number): string {
  if (us === 0) return "0";
  const sign = us < 0 ? "−" : "+";
  const length = Math.abs(us);
  if (length < 1000) return `${sign}${round(length)} µs`;
  if (length < 1_000_000) return `${sign}${round(length / 1000)} ms`;
  if (length < 60_000_000) return `${sign}${round(length / 1_000_000)} s`;
  const minutes = Math.floor(length / 60_000_000);
  const seconds = round((length - minutes * 60_000_000) / 1_000_000);
  return `${sign}${minutes} min${seconds > 0 ? ` ${seconds} s` : ""}`;
}

function round(amount: number): number {
  return Number(amount.toPrecision(6));
}
