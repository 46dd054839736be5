/** Where one can go: the navigation, the palette and the keys all read this list. */

export interface Place {
  path: string;
  name: string;
  /** The letter after `g`. */
  letter: string;
  about: string;
  /** Whether it stands in the bar on top; the rest is reached by the palette, keys and links. */
  inBar: boolean;
}

export const PLACES: readonly Place[] = [
  { path: "/", name: "Home", letter: "h", about: "What needs attention now", inBar: true },
  { path: "/agents", name: "Agent Runs", letter: "a", about: "Every agent, stage by stage", inBar: true },
  { path: "/dags", name: "DAG Pipelines", letter: "d", about: "Every submission", inBar: true },
  { path: "/approvals", name: "Approvals", letter: "p", about: "Gates that wait for a person", inBar: true },
  { path: "/workers", name: "Workers", letter: "w", about: "Nodes, slots and what waits for them", inBar: true },
  { path: "/store", name: "Store", letter: "k", about: "Keys, values and sets that jobs share", inBar: true },
  { path: "/settings", name: "Settings", letter: "s", about: "Tokens, retention, looks", inBar: true },
  { path: "/help", name: "Help", letter: "?", about: "Keys, troubleshooting, network", inBar: false },
];
