/** The Activity Ledger: its filters, its query and its pages. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api } from "./client";
import { useRefetchOnRuns } from "./query";
import type { ActionKind, LedgerQuery, LedgerSort, Order, OriginChoice } from "./types";

const PAUSE_MS = 1000;

/** One page of the ledger, live. */
export function useLedger(filter: LedgerFilter, page: number) {
  const query = { ...ledgerQuery(filter), page, page_size: PAGE_ROWS };
  const found = useQuery({
    queryKey: ["ledger", query],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await api.GET("/api/v1/ledger", { params: { query }, signal })).data ?? null,
  });
  useRefetchOnRuns(
    ({ runs, agents }) => (!filter.run || runs.has(filter.run)) && (!filter.agent || agents.has(filter.agent)),
    found.refetch,
    PAUSE_MS,
  );
  return found;
}

export interface LedgerFilter {
  /** Of LEDGER_OUTCOMES; empty for all. */
  outcome: readonly string[];
  /** Of CALL_KINDS; empty for all. */
  kind: readonly ActionKind[];
  name: string;
  origin: OriginChoice;
  agent: string;
  run: string;
  minCost: string;
  maxCost: string;
  /** Local days, such as `2026-11-21`; both are included. */
  from: string;
  to: string;
  q: string;
  sort: LedgerSort;
  order: Order;
}

/** Returns the query parameters. */
export function ledgerQuery(filter: LedgerFilter): LedgerQuery {
  return {
    sort_by: filter.sort,
    sort_order: filter.order,
    ...(filter.outcome.length > 0 && { outcome: filter.outcome.join() }),
    ...(filter.kind.length > 0 && { kind: filter.kind.join() }),
    ...(filter.name && { action_name: filter.name }),
    // A run that is named is shown whatever it is for.
    ...(!(filter.run && filter.origin === "production") && { origin: filter.origin }),
    ...(filter.agent && { agent_id: filter.agent }),
    ...(filter.run && { run_id: filter.run }),
    ...(filter.minCost && { min_cost: filter.minCost }),
    ...(filter.maxCost && { max_cost: filter.maxCost }),
    ...(filter.from && { start_date: dayStart(filter.from, 0) }),
    ...(filter.to && { end_date: dayStart(filter.to, 1) }),
    ...(filter.q && { search: filter.q }),
  };
}

/** Returns the start of a local day, or of the day `later` days after it, in UTC. */
function dayStart(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

export const PAGE_ROWS = 100;
export const MOST_PAGES = 200; // the server's limit; the rest needs a filter or the other order

export interface Place {
  /** The numbers of the first and last row on the page, from 1. */
  readonly first: number;
  readonly last: number;
  /** The number of rows, or a lower bound with `isCapped`. */
  readonly total: number;
  readonly isCapped: boolean;
  readonly hasNext: boolean;
  /** Whether there may be more rows than all pages show. */
  readonly endsEarly: boolean;
}

/** Returns the position of a page with `rows` rows. With `isCapped`, `total` is a lower bound. */
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

/** Returns the number of pages. */
export function pageCount(total: number, isCapped: boolean): number {
  return isCapped ? MOST_PAGES : Math.min(MOST_PAGES, Math.max(1, Math.ceil(total / PAGE_ROWS)));
}
