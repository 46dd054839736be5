/** Long lists, newest first: read page by page, and kept true by the ids that events touched. */
import type { InfiniteData } from "@tanstack/react-query";

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
