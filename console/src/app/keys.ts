/** The keys that work on every page, for the dialog behind `?` and the help. Two blanks stand between single keys. */
export const KEYS: readonly (readonly [string, string])[] = [
  ["Ctrl K", "Go to a page, run, DAG or job"],
  ["/", "Search on this page"],
  ["j  k", "Next, previous row"],
  ["Enter", "Open the row"],
  ["x", "Show or hide the row's details"],
  ["Esc", "Close, leave the field"],
  ["?", "These keys"],
];
