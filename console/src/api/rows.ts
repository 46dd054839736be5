/** Paged lists: insert reloaded rows in their place, and the sort orders of runs as the server has them. */
import type { InfiniteData } from "@tanstack/react-query";
import type { Order, RunSort, RunView } from "./types";

export interface Page<Row> {
  rows: Row[];
  more: boolean;
  /** The cursor of the next page, from the server: a filtered page may end after its last row. */
  next?: string | null;
}

export type Pages<Row> = InfiniteData<Page<Row>, unknown>;

/**
 * Returns the pages with the reloaded rows. Requested ids that were not found have left the list. New rows are inserted
 * in order, unless their page is not loaded yet.
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

/** Inserts a row before the first older one; a run may match a filter long after it began. */
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

/** Returns all rows that are loaded. */
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

/** Moves the reloaded runs to their place: a cost that grew changes the order. */
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

/** Returns whether one run is listed before another; unknown values are last in both orders. */
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
