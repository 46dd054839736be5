/** The Activity Ledger: calls of all runs, page by page. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api } from "./client";
import { type LedgerFilter, ledgerQuery } from "./ledgerFilter";
import { useRefetchOnRuns } from "./query";

export const PAGE_ROWS = 100;
const MOST_PAGES = 200; // as many as the server gives: what lies behind wants a filter
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

/** Returns how many pages can be turned to. */
export function pageCount(total: number): number {
  return Math.min(MOST_PAGES, Math.max(1, Math.ceil(total / PAGE_ROWS)));
}
