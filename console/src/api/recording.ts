/** All actions of a run as rows, decoded from the server's columns, and merged with later updates. */
import { belowMillisecond } from "../components/format";
import type { ActionKind, Outcome, RunView, SkeletonAnswer } from "./types";

export interface Row {
  readonly id: string;
  readonly number: number;
  /** The parent's number; 0 for none, -1 for one that is not reported yet. */
  readonly parent: number;
  readonly kind: ActionKind;
  readonly name: string;
  readonly model: string | null;
  readonly actor: string | null;
  readonly errorType: string | null;
  /** Microseconds since the run started; negative where a clock was behind. */
  readonly startUs: number;
  /** Null while it runs. */
  readonly durationUs: number | null;
  readonly outcome: Outcome | null;
  readonly cost: string | null;
  /** Whether the cost was computed from tokens and a price list. */
  readonly isEstimated: boolean;
  /** Whether it looks like a second report of another call; it is counted. */
  readonly isPossibleDuplicate: boolean;
  readonly tokens: number | null;
}

export interface Recording {
  readonly version: number;
  readonly run: RunView;
  /** Ordered by start. */
  readonly rows: readonly Row[];
}

export function recordingOf(answer: SkeletonAnswer): Recording {
  return { version: answer.version, run: answer.run, rows: rowsOf(answer).sort(byStart) };
}

/**
 * Returns the recording merged with an update; unchanged rows keep their objects. Null where a full reload is needed:
 * the run's start moved, or it was recorded anew.
 */
export function withNews(old: Recording, news: SkeletonAnswer): Recording | null {
  if (news.run.started_at !== old.run.started_at || news.version < old.version) return null;
  const fresh = rowsOf(news);
  if (fresh.length === 0) return { version: news.version, run: news.run, rows: old.rows };
  const renewed = new Map(fresh.map((row) => [row.id, row]));
  const rows = [...old.rows.filter((row) => !renewed.has(row.id)), ...renewed.values()].sort(byStart);
  return { version: news.version, run: news.run, rows };
}

/** Whether the next load must be a full one: a parent that arrives later is sent with its children only there. */
export function hasOrphans(recording: Recording): boolean {
  return recording.rows.some((row) => row.parent === -1);
}

/** Returns the end of the run on its time axis, in microseconds since its start; `nowUs` while an action runs. */
export function endOf(rows: readonly Row[], nowUs: number): number {
  let end = 0;
  for (const row of rows) end = Math.max(end, row.durationUs === null ? nowUs : row.startUs + row.durationUs);
  return end;
}

/** Returns the moment of a position on the run's axis, in milliseconds since 1970, exact to the microsecond. */
export function momentOf(run: Pick<RunView, "started_at">, startUs: number): number {
  return (Date.parse(run.started_at) * 1000 + belowMillisecond(run.started_at) + startUs) / 1000; // integers until here, so exact
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
