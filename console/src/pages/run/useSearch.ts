import { useFound } from "../../api/recordedRun";
import type { Recording } from "../../api/recording";

const WHOLE = new Intl.NumberFormat("en-US");

export interface Search {
  readonly q: string;
  /** The actions that were found; null while nothing is searched for, or the first answer is on its way. */
  readonly hits: ReadonlySet<string> | null;
  readonly isSearching: boolean;
  /** What is to be said of it; null where there is nothing to say. */
  readonly words: string | null;
}

/** What is searched for in a run, and what was found by name or content. */
export function useSearch({ run, version }: Recording, q: string): Search {
  const { data, error } = useFound(run.run_id, q, version);
  if (!q) return { q, hits: null, isSearching: false, words: null };
  const isSearching = !data && !error;
  const hits = data?.ids ?? (error ? NONE : null);
  if (error && !data) return { q, hits, isSearching, words: error.message };
  const words = hits ? `${WHOLE.format(hits.size)} found${data?.more ? ", and more" : ""}` : "Searching …";
  return { q, hits, isSearching, words };
}

export const NONE: ReadonlySet<string> = new Set();
