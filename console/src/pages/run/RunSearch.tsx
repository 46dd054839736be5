/** The search within a run. */
import type { ReactNode } from "react";
import type { Recording } from "../../api/recording";
import { useFound } from "../../api/run";
import { Button } from "../../components/Button";
import { SearchField } from "../../components/fields";

interface Props {
  q: string;
  onChange: (q: string) => void;
  /** To the next or previous match. */
  onGo: (step: 1 | -1) => void;
  /** More controls while a search is active. */
  children?: ReactNode;
}

/** The search field of a run; Enter moves to the next match, Shift Enter to the previous one. */
export function RunSearch({ q, onChange, onGo, children }: Props) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the field inside has the key
    <div
      className="run-search"
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
        event.preventDefault();
        onGo(event.shiftKey ? -1 : 1);
      }}
    >
      <SearchField label="Name or content" value={q} onChange={onChange} />
      {q ? (
        <>
          <Button
            kind="quiet"
            aria-label="Previous match"
            title="Previous match (Shift Enter)"
            onClick={() => onGo(-1)}
          >
            ↑
          </Button>
          <Button kind="quiet" aria-label="Next match" title="Next match (Enter)" onClick={() => onGo(1)}>
            ↓
          </Button>
          {children}
        </>
      ) : null}
    </div>
  );
}

const WHOLE = new Intl.NumberFormat("en-US");

export interface Search {
  readonly q: string;
  /** The matching actions; null without a search, and before the first answer. */
  readonly hits: ReadonlySet<string> | null;
  readonly isSearching: boolean;
  /** The status text; null without a search. */
  readonly words: string | null;
}

/** The search of a run by name or content. */
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
