/** Every key of the console, for the dialog behind `?` and the help. */
import type { KeyLine } from "../parts/KeyList";

/** Those that work on every page. */
export const KEYS: readonly KeyLine[] = [
  ["Ctrl K", "Go to a page, run, DAG or job"],
  ["/", "Search on this page"],
  ["j  k", "Next, previous row"],
  ["Enter", "Open the row"],
  ["x", "Show or hide the row's details"],
  ["Esc", "Close, leave the field"],
  ["?", "These keys"],
];

/** Those of single pages, each below the words that say where; `path` is where the dialog behind `?` shows them. */
export const PAGE_KEYS: readonly (readonly [where: string, lines: readonly KeyLine[], path?: RegExp])[] = [
  [
    "In a DAG's graph, on a job",
    [
      ["←  ↑  ↓  →", "To the job that way"],
      ["j  k", "Next, previous job"],
      ["Enter", "Open the job"],
      ["+  −", "Zoom in, out"],
      ["f", "Fit the whole graph"],
    ],
  ],
  [
    "In a DAG's timeline, on an attempt",
    [
      ["←  →", "The job's attempt before, after"],
      ["↑  ↓", "The job above, below"],
      ["Enter", "Open the job"],
    ],
  ],
  [
    "In a log",
    [
      ["Enter", "In its search: the next match"],
      ["Shift Enter", "In its search: the match before"],
      ["j  k", "A line down, up"],
      ["Space  PgUp", "A page down, up"],
      ["Home  End", "To its first, its last line"],
    ],
  ],
  [
    "On Runs",
    [
      ["x", "Choose the run for comparing"],
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
      ["Enter", "Open the action; in the search: the next match"],
      ["Shift Enter", "In the search: the match before"],
      ["x", "Show or hide inputs and outputs, in the Trace what it says"],
    ],
    /^\/runs\/(?!compare$)[^/]+$/,
  ],
  [
    "In a run's Trace",
    [
      ["↑  ↓  j  k", "The action above, below"],
      ["→", "Unfold, or to the first below it"],
      ["←", "Fold, or to what it stands in"],
      ["Ctrl wheel", "Over the bars: zoom in, out"],
    ],
    /^\/runs\/(?!compare$)[^/]+$/,
  ],
  [
    "On Approvals",
    [
      ["j  k", "Next, previous gate"],
      ["a", "Approve the chosen gate, after a question"],
      ["r", "Reject it, after a question"],
    ],
  ],
];
