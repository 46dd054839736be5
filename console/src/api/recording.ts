/** All actions of a run as rows, from the columns that the server sends, and how later news join them. */
import { belowMillisecond } from "../components/format";
import type { ActionKind, Outcome, RunView, SkeletonAnswer } from "./types";

export interface Row {
  readonly id: string;
  readonly number: number;
  /** The parent's number; 0 for none, -1 for one not heard of yet. */
  readonly parent: number;
  readonly kind: ActionKind;
  readonly name: string;
  readonly model: string | null;
  readonly actor: string | null;
  readonly errorType: string | null;
  /** Microseconds since the run started; below 0 where a clock was behind. */
  readonly startUs: number;
  /** Null while it runs. */
  readonly durationUs: number | null;
  readonly outcome: Outcome | null;
  readonly cost: string | null;
  /** Whether the cost was computed from tokens and a price list. */
  readonly isEstimated: boolean;
  /** Whether it looks like a second report of another call; it is counted all the same. */
  readonly isPossibleDuplicate: boolean;
  readonly tokens: number | null;
}

export interface Recording {
  readonly version: number;
  readonly run: RunView;
  /** In the order they started. */
  readonly rows: readonly Row[];
}

export function recordingOf(answer: SkeletonAnswer): Recording {
  return { version: answer.version, run: answer.run, rows: rowsOf(answer).sort(byStart) };
}

/**
 * Returns a recording with what was heard since; rows that did not change keep their objects. Null where only the whole
 * tells the truth: the run's beginning moved, which all times count from, or it was recorded anew.
 */
export function withNews(old: Recording, news: SkeletonAnswer): Recording | null {
  if (news.run.started_at !== old.run.started_at || news.version < old.version) return null;
  const fresh = rowsOf(news);
  if (fresh.length === 0) return { version: news.version, run: news.run, rows: old.rows };
  const renewed = new Map(fresh.map((row) => [row.id, row]));
  const rows = [...old.rows.filter((row) => !renewed.has(row.id)), ...renewed.values()].sort(byStart);
  return { version: news.version, run: news.run, rows };
}

/** Whether the next reading must be whole: a parent that was heard of later is told of with its children only there. */
export function hasOrphans(recording: Recording): boolean {
  return recording.rows.some((row) => row.parent === -1);
}

/** Returns where the run ends on its time axis, in microseconds since its beginning: `nowUs` while something goes on. */
export function endOf(rows: readonly Row[], nowUs: number): number {
  let end = 0;
  for (const row of rows) end = Math.max(end, row.durationUs === null ? nowUs : row.startUs + row.durationUs);
  return end;
}

/** Returns the moment of a place on the run's axis, as milliseconds since 1970, to the microsecond. */
export function momentOf(run: Pick<RunView, "started_at">, startUs: number): number {
  return (Date.parse(run.started_at) * 1000 + belowMillisecond(run.started_at) + startUs) / 1000; // whole until then: exact
}

function rowsOf(answer: SkeletonAnswer): Row[] {
  const { names, models, actors, error_types: errorTypes } = answer;
  const estimated = new Set(answer.estimated);
  const duplicates = new Set(answer.possible_duplicates);
  return answer.id.map((id, at) => {
    const number = answer.number[at] ?? 0;
    const duration = answer.duration_ns[at] ?? -1;
    const tokens = answer.tokens[at] ?? -1;
    return {
      id,
      number,
      parent: answer.parent[at] ?? 0,
      kind: answer.kind[at] ?? "call",
      name: names[answer.name[at] ?? -1] ?? "",
      model: models[answer.model[at] ?? -1] ?? null,
      actor: actors[answer.actor[at] ?? -1] ?? null,
      errorType: errorTypes[answer.error_type[at] ?? -1] ?? null,
      startUs: answer.start_us[at] ?? 0,
      durationUs: duration < 0 ? null : duration / 1000,
      outcome: answer.outcome[at] ?? null,
      cost: answer.cost_usd[at] ?? null,
      isEstimated: estimated.has(number),
      isPossibleDuplicate: duplicates.has(number),
      tokens: tokens < 0 ? null : tokens,
    };
  });
}

function byStart(one: Row, other: Row): number {
  return one.startUs - other.startUs || one.number - other.number;
}
