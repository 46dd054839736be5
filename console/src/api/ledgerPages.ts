/** Pages of the ledger: what stands on one, and where they end. */

export const PAGE_ROWS = 100;
export const MOST_PAGES = 200; // as many as the server gives: what lies behind wants a filter, or the other order

export interface Place {
  /** The numbers of the first row on the page and of the last, from 1. */
  readonly first: number;
  readonly last: number;
  /** How many rows there are, or at least are where there may be more. */
  readonly total: number;
  readonly isCapped: boolean;
  readonly hasNext: boolean;
  /** Whether there may be more rows than all pages show. */
  readonly endsEarly: boolean;
}

/** Returns where a page with `rows` rows stands; of more than `total` rows where that `isCapped`, for nobody counted on. */
export function placeOf(page: number, rows: number, total: number, isCapped: boolean): Place {
  const first = (page - 1) * PAGE_ROWS + 1;
  const last = first + rows - 1;
  const isEnd = isCapped ? rows < PAGE_ROWS && last >= total : last >= total;
  const isLastPage = page >= MOST_PAGES;
  return {
    first,
    last,
    total: isCapped ? Math.max(total, last) : total,
    isCapped: isCapped && !isEnd,
    hasNext: !isEnd && !isLastPage,
    endsEarly: !isEnd && isLastPage,
  };
}

/** Returns how many pages there are to turn to. */
export function pageCount(total: number, isCapped: boolean): number {
  return isCapped ? MOST_PAGES : Math.min(MOST_PAGES, Math.max(1, Math.ceil(total / PAGE_ROWS)));
}
