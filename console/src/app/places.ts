/** Where one can go: the bar on top, the palette and the keys all read this list. */

export interface Place {
  path: string;
  name: string;
  /** The letter after `g`. */
  letter: string;
  about: string;
  /** Where the pages stand that are reached from here, when not below `path`. */
  further?: string;
}

export const PLACES: readonly Place[] = [
  { path: "/", name: "Home", letter: "h", about: "What needs attention now" },
  { path: "/agents", name: "Agent Runs", letter: "a", about: "Runs that submitted DAGs, stage by stage" },
  { path: "/dags", name: "DAG Pipelines", letter: "d", about: "Every submission", further: "/logs" },
  { path: "/runs", name: "Runs", letter: "r", about: "Every run, with its actions and costs", further: "/registry" },
  { path: "/ledger", name: "Ledger", letter: "l", about: "Every action of all runs" },
  { path: "/approvals", name: "Approvals", letter: "p", about: "Gates that wait for a person" },
  { path: "/workers", name: "Workers", letter: "w", about: "Nodes, slots and what waits for them" },
  { path: "/store", name: "Store", letter: "k", about: "Keys, values and sets that jobs share" },
  { path: "/settings", name: "Settings", letter: "s", about: "Tokens, retention, looks" },
  { path: "/help", name: "Help", letter: "?", about: "Keys, troubleshooting, network" },
];

/** Returns the place that the page at `pathname` belongs to. */
export function placeOf(pathname: string): Place | undefined {
  const isBelow = (path: string | undefined) => path !== undefined && `${pathname}/`.startsWith(`${path}/`);
  return PLACES.find(({ path, further }) => (path === "/" ? pathname === "/" : isBelow(path) || isBelow(further)));
}
