/** What of the ledger is asked for. */
import type { ActionKind, LedgerQuery, LedgerSort, Order } from "./recorded";

export interface LedgerFilter {
  /** Of LEDGER_OUTCOMES; none: all. */
  outcome: readonly string[];
  /** Of CALL_KINDS; none: all. */
  kind: readonly ActionKind[];
  name: string;
  agent: string;
  run: string;
  minCost: string;
  maxCost: string;
  /** Local days, `2026-11-21`; the last one belongs to it as a whole. */
  from: string;
  to: string;
  q: string;
  sort: LedgerSort;
  order: Order;
}

/** Returns what the server is asked. */
export function ledgerQuery(filter: LedgerFilter): LedgerQuery {
  return {
    sort_by: filter.sort,
    sort_order: filter.order,
    ...(filter.outcome.length > 0 && { outcome: filter.outcome.join() }),
    ...(filter.kind.length > 0 && { kind: filter.kind.join() }),
    ...(filter.name && { action_name: filter.name }),
    ...(filter.agent && { agent_id: filter.agent }),
    ...(filter.run && { run_id: filter.run }),
    ...(filter.minCost && { min_cost: filter.minCost }),
    ...(filter.maxCost && { max_cost: filter.maxCost }),
    ...(filter.from && { start_date: dayStart(filter.from, 0) }),
    ...(filter.to && { end_date: dayStart(filter.to, 1) }),
    ...(filter.q && { search: filter.q }),
  };
}

/** Returns when a local day begins, or the one that comes so many days later, in UTC. */
function dayStart(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
