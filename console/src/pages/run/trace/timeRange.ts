/** The part of a run's time axis that is on the screen, in microseconds since the run's start. */

export interface Sight {
  readonly from: number;
  readonly to: number;
}

const LEAST_US = 10; // no closer: the clocks that told the times tick more coarsely

/** Returns what an address names of a run's whole time; the whole where it names nothing that can be shown. */
export function sightIn(from: string | null, to: string | null, whole: Sight): Sight {
  const [start, end] = [Number(from ?? Number.NaN), Number(to ?? Number.NaN)];
  return Number.isFinite(start) && Number.isFinite(end) ? within({ from: start, to: end }, whole) : whole;
}

/** Returns the sight with `factor` of its length, about `at`, which stays where it stands on the screen. */
export function zoomed(sight: Sight, factor: number, at: number, whole: Sight): Sight {
  const focus = Math.min(sight.to, Math.max(sight.from, at));
  return within({ from: focus - (focus - sight.from) * factor, to: focus + (sight.to - focus) * factor }, whole);
}

/** Returns the sight moved by a share of its length. */
export function moved(sight: Sight, share: number, whole: Sight): Sight {
  const by = (sight.to - sight.from) * share;
  return within({ from: sight.from + by, to: sight.to + by }, whole);
}

/** Returns the fields of an address for a sight; none for the whole. */
export function sightFields(sight: Sight, whole: Sight): { from: string | null; to: string | null } {
  if (sight.from <= whole.from && sight.to >= whole.to) return { from: null, to: null };
  return { from: String(Math.round(sight.from)), to: String(Math.round(sight.to)) };
}

function within(sight: Sight, whole: Sight): Sight {
  const length = Math.min(whole.to - whole.from, Math.max(LEAST_US, sight.to - sight.from));
  const from = Math.min(Math.max(sight.from, whole.from), whole.to - length);
  return { from, to: from + length };
}

/** Returns the marks in sight, at most `most`, on round figures: 1, 2 or 5 of a power of ten microseconds. */
export function marksIn(sight: Sight, most: number): number[] {
  const step = roundStep((sight.to - sight.from) / Math.max(1, most));
  const first = Math.ceil(sight.from / step) * step || 0; // and not -0
  const marks: number[] = [];
  for (let at = first; at <= sight.to; at += step) marks.push(at);
  return marks;
}

function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return ([1, 2, 5].find((digit) => digit * power >= least) ?? 10) * power;
}

/** Returns a place on the axis as words: `0`, `+250 µs`, `+1.5 s`, `+2 min 5 s`. */
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
