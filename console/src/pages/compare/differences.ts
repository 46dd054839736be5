/** The differences between the aligned calls of two runs. */
import { CALL_KINDS, type Outcome, type RunView, type SkeletonAnswer, whyEnded } from "../../api/types";
import { align } from "./align";

export interface Call {
  id: string;
  name: string;
  outcome: Outcome | null;
  costUsd: string | null;
  isEstimated: boolean;
  /** Null while it runs. */
  durationMs: number | null;
}

export type Difference = "only in A" | "only in B" | "outcome" | "cost" | "duration";

export interface ComparedCall {
  a: Call | null;
  b: Call | null;
  differences: Difference[];
}

export interface Count {
  name: string;
  a: number;
  b: number;
}

export interface Comparison {
  calls: ComparedCall[];
  /** Names that one run called more often than the other: failed calls first, then by the difference. */
  counts: Count[];
  isCut: boolean;
  /** Whether the runs have different statuses or reasons. */
  isOtherEnd: boolean;
}

// Durations always vary: only a noticeable difference of half and more counts.
const COST_RATIO = 1.1; // token counts vary a little between equal requests
const DURATION_RATIO = 1.5;
const DURATION_LEAST_MS = 100;

export function compareRuns(one: SkeletonAnswer, other: SkeletonAnswer): Comparison {
  const a = callsOf(one);
  const b = callsOf(other);
  const { pairs, isCut } = align(
    a.map((call) => call.name),
    b.map((call) => call.name),
  );
  const calls = pairs.map((pair) => compared(pair.a === null ? null : a[pair.a], pair.b === null ? null : b[pair.b]));
  return { calls, counts: countsOf(a, b), isCut, isOtherEnd: isOtherEnd(one.run, other.run) };
}

function isOtherEnd(one: RunView, other: RunView): boolean {
  return one.status !== other.status || whyEnded(one) !== whyEnded(other);
}

/** Returns a run's calls in order of start, without groups. */
export function callsOf(skeleton: SkeletonAnswer): Call[] {
  const calls: Call[] = [];
  const estimated = new Set(skeleton.estimated);
  for (const [at, kind] of skeleton.kind.entries()) {
    if (!CALL_KINDS.some((one) => one === kind)) continue;
    const durationNs = skeleton.duration_ns[at] ?? -1;
    calls.push({
      id: skeleton.id[at] ?? "",
      name: skeleton.names[skeleton.name[at] ?? -1] ?? "",
      outcome: skeleton.outcome[at] ?? null,
      costUsd: skeleton.cost_usd[at] ?? null,
      isEstimated: estimated.has(skeleton.number[at] ?? 0),
      durationMs: durationNs < 0 ? null : durationNs / 1e6,
    });
  }
  return calls;
}

function compared(a: Call | null | undefined, b: Call | null | undefined): ComparedCall {
  if (!a || !b) return { a: a ?? null, b: b ?? null, differences: [a ? "only in A" : "only in B"] };
  const differences: Difference[] = [];
  if (a.outcome !== b.outcome) differences.push("outcome");
  if (isOtherCost(a.costUsd, b.costUsd)) differences.push("cost");
  if (isOtherDuration(a.durationMs, b.durationMs)) differences.push("duration");
  return { a, b, differences };
}

/** An unknown cost differs from zero. */
function isOtherCost(a: string | null, b: string | null): boolean {
  if (a === null || b === null) return a !== b;
  const [one, other] = [Number(a), Number(b)];
  return one !== other && Math.max(one, other) >= COST_RATIO * Math.min(one, other);
}

function isOtherDuration(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return a !== b;
  return Math.abs(a - b) >= DURATION_LEAST_MS && Math.max(a, b) >= DURATION_RATIO * Math.min(a, b);
}

function countsOf(a: readonly Call[], b: readonly Call[]): Count[] {
  const counts = new Map<string, Count>();
  const of = (name: string) => {
    const known = counts.get(name) ?? { name, a: 0, b: 0 };
    counts.set(name, known);
    return known;
  };
  for (const call of a) of(call.name).a += 1;
  for (const call of b) of(call.name).b += 1;
  const bad = new Set([...a, ...b].filter(wentWrong).map((call) => call.name));
  return [...counts.values()]
    .filter((count) => count.a !== count.b)
    .sort(
      (one, other) =>
        Number(bad.has(other.name)) - Number(bad.has(one.name)) ||
        Math.abs(other.a - other.b) - Math.abs(one.a - one.b),
    );
}

function wentWrong({ outcome }: Call): boolean {
  return outcome === "error" || outcome === "blocked" || outcome === "rejected";
}
