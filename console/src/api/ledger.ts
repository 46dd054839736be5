/** The Activity Ledger: calls of all runs, page by page. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api } from "./client";
import { type LedgerFilter, ledgerQuery } from "./ledgerFilter";
import { PAGE_ROWS } from "./ledgerPages";
import { useRefetchOnRuns } from "./query";

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
