/** The calls of a run: filter, sort and search. */

import type { Row } from "../../../api/recording";
import { CALL_KINDS, OUTCOMES, type Outcome } from "../../../api/types";
import { count } from "../../../components/format";

/** `running` is not an outcome of the API: the call has none yet. */
export const CALL_STATUSES = [...OUTCOMES, "running"] as const;
export type CallStatus = Outcome | "running";

export const SORTS = ["order", "cost", "duration"] as const;
export type Sort = (typeof SORTS)[number];

export interface Call extends Row {
  /** Its number among the run's calls, from 1. */
  readonly order: number;
}

/** Returns the run's calls, numbered. */
export function callsOf(rows: readonly Row[]): Call[] {
  const kinds: readonly string[] = CALL_KINDS;
  return rows.filter((row) => kinds.includes(row.kind)).map((row, at) => ({ ...row, order: at + 1 }));
}

const ANSWERED: readonly (Outcome | null)[] = ["replayed", "idempotent_replay"];

/** Returns the number of calls, with replayed ones apart: `6 actions + 1 replayed`. */
export function callsWords(calls: readonly Row[]): string {
  const replayed = calls.filter(({ outcome }) => ANSWERED.includes(outcome)).length;
  const made = count(calls.length - replayed, "action");
  return replayed > 0 ? `${made} + ${replayed.toLocaleString("en-US")} replayed` : made;
}

/** Returns the status of a call; null where it ended without an outcome. */
export function statusOf(row: Row): CallStatus | null {
  return row.outcome ?? (row.durationUs === null ? "running" : null);
}

interface Asked {
  statuses: readonly CallStatus[];
  /** The search results; null without a search. */
  hits: ReadonlySet<string> | null;
  sort: Sort;
  descending: boolean;
}

/** Returns the filtered and sorted calls; those without the sorted value are last in both orders. */
export function chosenCalls(calls: readonly Call[], { statuses, hits, sort, descending }: Asked): Call[] {
  const wanted: readonly (CallStatus | null)[] = statuses;
  const chosen = calls.filter(
    (call) => (statuses.length === 0 || wanted.includes(statusOf(call))) && (hits === null || hits.has(call.id)),
  );
  const sign = descending ? -1 : 1;
  if (sort === "order") return descending ? chosen.reverse() : chosen;
  const figures = new Map(chosen.map((call) => [call, figureOf(call, sort)]));
  return chosen.sort((one, other) => {
    const [mine, its] = [figures.get(one) ?? null, figures.get(other) ?? null];
    if (mine === null || its === null) return Number(mine === null) - Number(its === null) || one.order - other.order;
    return sign * (mine - its) || one.order - other.order;
  });
}

function figureOf(call: Call, sort: Sort): number | null {
  if (sort === "duration") return call.durationUs;
  return call.cost === null ? null : Number(call.cost);
}

/** Returns the match `step` further, wrapping around; null without matches. */
export function nextHit(
  rows: readonly { readonly id: string }[],
  hits: ReadonlySet<string>,
  from: string | null,
  step: 1 | -1,
): string | null {
  const at = rows.findIndex((row) => row.id === from);
  const start = at < 0 && step < 0 ? rows.length : at;
  for (let gone = 1; gone <= rows.length; gone += 1) {
    const row = rows[(((start + step * gone) % rows.length) + rows.length) % rows.length];
    if (row && hits.has(row.id)) return row.id;
  }
  return null;
}
