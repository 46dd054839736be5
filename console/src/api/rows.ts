/** Long lists, newest first: read page by page, and kept true by the ids that events touched. */
import type { InfiniteData } from "@tanstack/react-query";

export interface Page<Row> {
  rows: Row[];
  more: boolean;
}

export type Pages<Row> = InfiniteData<Page<Row>, unknown>;

/**
 * Returns the pages with what was read again in its place. Of the ids asked for, those that were not found left the list
 * (they match its filters no more), and those it did not hold are new and stand on top.
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
  const [first, ...rest] = next;
  if (!first) return pages;
  const top = first.rows[0];
  const added = [...fresh.values()].filter((row) => !top || isNewer(row, top)).reverse();
  return { ...pages, pages: [{ ...first, rows: [...added, ...first.rows] }, ...rest] };
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
