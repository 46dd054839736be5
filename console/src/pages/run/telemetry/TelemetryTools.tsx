import { useMemo } from "react";
import { Button } from "../../../parts/Button";
import { count } from "../../../parts/format";
import { SearchField } from "../../../parts/SearchField";
import { StatusFilter } from "../../../parts/StatusFilter";
import { type Call, STANDS, type Stand, standOf } from "./calls";

interface Search {
  q: string;
  inContext: boolean;
  isSearching: boolean;
  error: Error | null;
  more: boolean;
}

interface Props {
  shown: readonly Call[];
  calls: readonly Call[];
  all: number;
  hits: ReadonlySet<string> | null;
  search: Search;
  stands: readonly Stand[];
  unfoldsAll: boolean;
  onGo: (step: 1 | -1) => void;
  onChange: (changes: Record<string, string | null>) => void;
}

/** The search with its matches, the filter by outcome, and what unfolds all rows. */
export function TelemetryTools({ shown, calls, all, hits, search, stands, unfoldsAll, onGo, onChange }: Props) {
  const present = useMemo(() => {
    const found = new Set(calls.map(standOf));
    return STANDS.filter((stand) => found.has(stand) || stands.includes(stand));
  }, [calls, stands]);
  return (
    <div className="run-tools row">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the field inside has the key */}
      <div
        className="run-search"
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
          event.preventDefault();
          onGo(event.shiftKey ? -1 : 1);
        }}
      >
        <SearchField label="Name or content" value={search.q} onChange={(q) => onChange({ q })} />
        {search.q ? (
          <>
            <Button kind="quiet" aria-label="Match before" title="Match before (Shift Enter)" onClick={() => onGo(-1)}>
              ↑
            </Button>
            <Button kind="quiet" aria-label="Next match" title="Next match (Enter)" onClick={() => onGo(1)}>
              ↓
            </Button>
            <Button
              aria-pressed={search.inContext}
              title="Show the calls between the matches too"
              onClick={() => onChange({ context: search.inContext ? null : "1" })}
            >
              In context
            </Button>
          </>
        ) : null}
      </div>
      {present.length > 1 || stands.length > 0 ? (
        <StatusFilter all={present} chosen={stands} onChange={(chosen) => onChange({ outcome: chosen.join() })} />
      ) : null}
      <span role="status" className="run-count faint">
        {words(shown.length, all, hits, search)}
      </span>
      <Button
        aria-pressed={unfoldsAll}
        title="Inputs and outputs of every call in the list"
        onClick={() => onChange({ all: unfoldsAll ? null : "1", open: null })}
      >
        {unfoldsAll ? "Fold all" : "Expand all"}
      </Button>
    </div>
  );
}

function words(shown: number, all: number, hits: ReadonlySet<string> | null, search: Search): string {
  if (search.error) return search.error.message;
  if (search.isSearching) return "Searching …";
  if (hits && search.inContext) return `${count(hits.size, "action")} found${search.more ? ", and more" : ""}`;
  return shown === all ? count(all, "call") : `${shown.toLocaleString("en-US")} of ${count(all, "call")}`;
}
