import { useMemo } from "react";
import { Button } from "../../../parts/Button";
import { StatusFilter } from "../../../parts/StatusFilter";
import { type Changes, toggledAmong } from "../../../parts/url";
import { RunSearch } from "../RunSearch";
import type { Search } from "../useSearch";
import { type Call, callsWords, STANDS, type Stand, standOf } from "./calls";

interface Props {
  shown: readonly Call[];
  calls: readonly Call[];
  search: Search;
  inContext: boolean;
  stands: readonly Stand[];
  unfoldsAll: boolean;
  onGo: (step: 1 | -1) => void;
  onChange: (changes: Changes) => void;
}

/** The search with its matches, the filter by outcome, and what unfolds all rows. */
export function TelemetryTools({ shown, calls, search, inContext, stands, unfoldsAll, onGo, onChange }: Props) {
  const present = useMemo(() => {
    const found = new Set(calls.map(standOf));
    return STANDS.filter((stand) => found.has(stand) || stands.includes(stand));
  }, [calls, stands]);
  return (
    <div className="run-tools row">
      <RunSearch q={search.q} onChange={(q) => onChange({ q })} onGo={onGo}>
        <Button
          aria-pressed={inContext}
          title="Show the actions between the matches too"
          onClick={() => onChange({ context: inContext ? null : "1" })}
        >
          In context
        </Button>
      </RunSearch>
      {present.length > 1 || stands.length > 0 ? (
        <StatusFilter
          all={present}
          chosen={stands}
          onToggle={(one) => onChange((now) => toggledAmong(now, "outcome", STANDS, one))}
        />
      ) : null}
      <span role="status" className="run-count faint">
        {search.words && (inContext || search.hits?.size === 0 || search.isSearching)
          ? search.words
          : listed(shown.length, calls)}
      </span>
      <Button
        aria-pressed={unfoldsAll}
        title="Inputs and outputs of every action in the list"
        onClick={() => onChange({ all: unfoldsAll ? null : "1", open: null })}
      >
        {unfoldsAll ? "Fold all" : "Expand all"}
      </Button>
    </div>
  );
}

function listed(shown: number, calls: readonly Call[]): string {
  const all = callsWords(calls);
  return shown === calls.length ? all : `${shown.toLocaleString("en-US")} of ${all}`;
}
