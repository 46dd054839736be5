/** What the address of a submission's page says. */

export const VIEWS = ["graph", "timeline", "files", "story"] as const;
export type View = (typeof VIEWS)[number];
export const VIEW_NAMES: Record<View, string> = {
  graph: "Graph",
  timeline: "Timeline",
  files: "Files",
  story: "Story",
};

/** Returns the name in a path such as `DAG-nightly`: the prefix is for people and may be left out. */
export function nameIn(segment: string): string {
  return segment.startsWith("DAG-") ? segment.slice(4) : segment;
}

export function viewIn(text: string | null): View {
  return VIEWS.find((view) => view === text) ?? "graph";
}
