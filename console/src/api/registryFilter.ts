/** What of the registry is asked for. */
import type { Order, RegistryQuery, RunSort, Window } from "./recorded";

export interface RegistryFilter {
  status: readonly string[];
  minCost: string;
  /** Only runs whose determinism score is lower; "" for all. */
  determinismBelow: string;
  window: Window;
  agent: string;
  session: string;
  tag: string;
  q: string;
  sort: RunSort;
  order: Order;
  hasArchived: boolean;
  /** Only runs that submitted DAGs; `q` is then a part of their id or agent. */
  hasStages?: boolean;
  /** Whether each run comes with its stages. */
  withStages?: boolean;
}

export const ALL_RUNS: RegistryFilter = {
  status: [],
  minCost: "",
  determinismBelow: "",
  window: "7d",
  agent: "",
  session: "",
  tag: "",
  q: "",
  sort: "started",
  order: "desc",
  hasArchived: false,
};

/** Returns what the server is asked; nothing that it takes anyway, so that equal questions are one. */
export function queryOf(filter: RegistryFilter): RegistryQuery {
  return {
    window: filter.window,
    sort: filter.sort,
    order: filter.order,
    ...(filter.status.length > 0 && { status: filter.status.join() }),
    ...(filter.minCost && { min_cost: filter.minCost }),
    ...(filter.determinismBelow && { determinism_below: Number(filter.determinismBelow) }),
    ...(filter.agent && { agent_id: filter.agent }),
    ...(filter.session && { session_id: filter.session }),
    ...(filter.tag && { tag: filter.tag }),
    ...(filter.q && { q: filter.q }),
    ...(filter.hasArchived && { include_archived: true }),
    ...(filter.hasStages && { has_stages: true, ...(filter.q && { names_only: true }) }),
    ...(filter.withStages && { stages: true }),
  };
}
