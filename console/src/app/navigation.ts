/** The navigation items, and the keyboard shortcuts of every page. */

import { useEffect } from "react";
import { useNavigate } from "react-router";
import { isTyping } from "../components/keyboard";
import type { KeyLine } from "../components/Page";

interface NavItem {
  path: string;
  name: string;
  /** The key after `g`. */
  letter: string;
  about: string;
  /** The path of pages below this item, where it is not `path`. */
  further?: string;
}

export const NAV_ITEMS: readonly NavItem[] = [
  { path: "/", name: "Home", letter: "h", about: "What needs attention now" },
  { path: "/agents", name: "Agent Runs", letter: "a", about: "Runs that submitted DAGs, stage by stage" },
  { path: "/dags", name: "DAG Pipelines", letter: "d", about: "Every submission", further: "/logs" },
  { path: "/runs", name: "Runs", letter: "r", about: "Every run, with its actions and costs", further: "/registry" },
  { path: "/ledger", name: "Ledger", letter: "l", about: "Every action of all runs" },
  { path: "/approvals", name: "Approvals", letter: "p", about: "Gates waiting for a decision" },
  { path: "/workers", name: "Workers", letter: "w", about: "Workers, slots and the queue" },
  { path: "/store", name: "Store", letter: "k", about: "Keys, values and sets that jobs share" },
  { path: "/settings", name: "Settings", letter: "s", about: "Tokens, retention, appearance" },
  { path: "/help", name: "Help", letter: "?", about: "Keys, troubleshooting, network" },
];

/** Returns the navigation item of a page. */
export function navItemOf(pathname: string): NavItem | undefined {
  const isBelow = (path: string | undefined) => path !== undefined && `${pathname}/`.startsWith(`${path}/`);
  return NAV_ITEMS.find(({ path, further }) => (path === "/" ? pathname === "/" : isBelow(path) || isBelow(further)));
}

/** Keys of every page. */
export const KEYS: readonly KeyLine[] = [
  ["Ctrl K", "Go to a page, run, DAG or job"],
  ["/", "Search on this page"],
  ["j  k", "Next, previous row"],
  ["Enter", "Open the row"],
  ["x", "Show or hide the row's details"],
  ["Esc", "Close, leave the field"],
  ["?", "These keys"],
];

/** Keys of single pages with a heading; `path` matches the pages whose help dialog shows them. */
export const PAGE_KEYS: readonly (readonly [where: string, lines: readonly KeyLine[], path?: RegExp])[] = [
  [
    "In a DAG's graph, on a job",
    [
      ["←  ↑  ↓  →", "Go to the next job in that direction"],
      ["j  k", "Next, previous job"],
      ["Enter", "Open the job"],
      ["+  −", "Zoom in, out"],
      ["f", "Fit the whole graph"],
    ],
  ],
  [
    "In a DAG's timeline, on an attempt",
    [
      ["←  →", "Previous, next attempt of the job"],
      ["↑  ↓", "Previous, next row"],
      ["Enter", "Open the job"],
    ],
  ],
  [
    "In a log",
    [
      ["Enter", "In the search: next match"],
      ["Shift Enter", "In the search: previous match"],
      ["j  k", "Scroll a line down, up"],
      ["Space  PgUp", "Scroll a page down, up"],
      ["Home  End", "First, last line"],
    ],
  ],
  [
    "On Runs",
    [
      ["x", "Select the run to compare"],
      ["Enter", "Open the run"],
    ],
  ],
  [
    "On a run",
    [
      ["t", "Telemetry"],
      ["s", "Simulation"],
      ["d", "Determinism"],
      ["r", "Simulate a replay"],
      ["Enter", "Open the action; in the search: next match"],
      ["Shift Enter", "In the search: previous match"],
      ["x", "Show or hide inputs and outputs; in the Trace, the text"],
    ],
    /^\/runs\/(?!compare$)[^/]+$/,
  ],
  [
    "In a run's Trace",
    [
      ["↑  ↓  j  k", "Previous, next action"],
      ["→", "Expand, or go to the first child"],
      ["←", "Collapse, or go to the parent"],
      ["Ctrl wheel", "Over the bars: zoom in, out"],
    ],
    /^\/runs\/(?!compare$)[^/]+$/,
  ],
  [
    "On Approvals",
    [
      ["j  k", "Next, previous gate"],
      ["a", "Approve the selected gate, after a confirmation"],
      ["r", "Reject it, after a confirmation"],
    ],
  ],
];

const SEQUENCE_MS = 1200; // between `g` and its letter

interface Handlers {
  onPalette: () => void;
  onHelp: () => void;
}

/** Handles the keys of every page, except while somebody types or a dialog is open. */
export function useGlobalKeys({ onPalette, onHelp }: Handlers): void {
  const navigate = useNavigate();
  useEffect(() => {
    let wentAt = Number.NEGATIVE_INFINITY; // 0 would count the first second as after a `g`
    function onPlainKey(event: KeyboardEvent): void {
      const item = performance.now() - wentAt < SEQUENCE_MS && NAV_ITEMS.find((one) => one.letter === event.key);
      wentAt = event.key === "g" ? performance.now() : Number.NEGATIVE_INFINITY;
      if (item) navigate(item.path);
      else if (event.key === "?") onHelp();
      else if (event.key === "/") focusSearch(event);
    }
    function onKey(event: KeyboardEvent): void {
      if (!hasModifier(event)) {
        if (!isTyping(event)) onPlainKey(event);
      } else if (event.key === "k" && !event.altKey) {
        event.preventDefault();
        onPalette();
      }
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [navigate, onPalette, onHelp]);
}

function hasModifier(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey;
}

function focusSearch(event: KeyboardEvent): void {
  const field = document.querySelector<HTMLInputElement>("main [data-search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}
