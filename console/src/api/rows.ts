/** Paged lists: insert reloaded rows in their place, and the sort orders of runs as the server has them. */
import type { InfiniteData } from "@tanstack/react-query";
import type { Order, RunSort, RunView } from "./types";

export interface Page<Row> {
  rows: Row[];
  more: boolean;
  /** What to ask for the following page: the server's word, for a filtered page may end behind its last row. */
  next?: string | null;
}

export type Pages<Row> = InfiniteData<Page<Row>, unknown>;

/**
 * Returns the pages with what was read again in its place. Of the ids asked for, those that were not found left the list
 * (they match its filters no more). Those it did not hold take their place in its order, unless their page was not read yet.
 */
export function withRows<Row>(
  pages: Pages<Row> | undefined,
  asked: readonly string[],
  found: readonly Row[],
  idOf: (row: Row) => string,
  isNewer: (row: Row, than: Row) => boolean,
): Pages<Row> | undefined {
  if (!pages) return pages;
  const fresh = new Map(found.map((row) => [idOf(row), row]));
  const gone = new Set(asked.filter((id) => !fresh.has(id)));
  const next = pages.pages.map((page) => ({ ...page, rows: replaced(page.rows, fresh, gone, idOf) }));
  for (const row of fresh.values()) insert(next, row, isNewer);
  return { ...pages, pages: next };
}

/** Puts a row before the first that it is newer than; a run may come to match a filter long after it began. */
function insert<Row>(pages: Page<Row>[], row: Row, isNewer: (row: Row, than: Row) => boolean): void {
  for (const page of pages) {
    const at = page.rows.findIndex((other) => isNewer(row, other));
    if (at >= 0) {
      page.rows.splice(at, 0, row);
      return;
    }
  }
  const last = pages.at(-1);
  if (last && (!last.more || pages.every((page) => page.rows.length === 0))) last.rows.push(row);
}

function replaced<Row>(
  rows: readonly Row[],
  fresh: Map<string, Row>,
  gone: ReadonlySet<string>,
  idOf: (row: Row) => string,
): Row[] {
  const kept: Row[] = [];
  for (const row of rows) {
    const id = idOf(row);
    if (gone.has(id)) continue;
    kept.push(fresh.get(id) ?? row);
    fresh.delete(id);
  }
  return kept;
}

/** Returns every row of the pages read so far. */
export function allRows<Row>(pages: Pages<Row> | undefined): Row[] {
  return pages ? pages.pages.flatMap((page) => page.rows) : [];
}

const FIGURES: Record<Exclude<RunSort, "started">, (run: RunView) => number | null> = {
  cost: (run) => Number(run.tally.cost_usd),
  duration: (run) => run.duration_ms,
  actions: (run) => run.tally.calls,
  success_rate: (run) => run.tally.success_rate,
  determinism: (run) => run.determinism,
};

/** Puts what was read again where the order wants it: a cost that grew may lead a run to another place. */
export function withRuns(
  pages: Pages<RunView> | undefined,
  asked: readonly string[],
  fresh: readonly RunView[],
  { sort, order }: { sort: RunSort; order: Order },
): Pages<RunView> | undefined {
  const isBefore = comesBefore(sort, order);
  if (sort === "started") return withRows(pages, asked, fresh, runId, isBefore);
  return withRows(withRows(pages, asked, [], runId, isBefore), [], fresh, runId, isBefore);
}

/** Returns whether one run stands before another; what is unknown stands last either way. */
export function comesBefore(sort: RunSort, order: Order): (run: RunView, than: RunView) => boolean {
  const sign = order === "desc" ? -1 : 1;
  return (run, than) => {
    const difference = sort === "started" ? byStart(run, than) : byFigure(FIGURES[sort], run, than, sign);
    return sign * (difference || compare(run.run_id, than.run_id)) < 0;
  };
}

function byStart(run: RunView, than: RunView): number {
  return Date.parse(run.started_at) - Date.parse(than.started_at);
}

function byFigure(figure: (run: RunView) => number | null, run: RunView, than: RunView, sign: number): number {
  const [one, other] = [figure(run), figure(than)];
  if (one === other) return 0;
  if (one === null) return sign;
  return other === null ? -sign : one - other;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function runId(run: RunView): string {
  return run.run_id;
}
