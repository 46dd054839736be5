import { Button } from "../../parts/Button";
import { SearchField } from "../../parts/SearchField";
import type { LogClient } from "./logClient";
import type { LogQuery } from "./logSearch";
import type { LogSearching } from "./useLogSearch";

interface Props {
  log: LogClient | null;
  query: LogQuery;
  searching: LogSearching;
  onChange: (changes: Record<string, string | null>) => void;
}

/** The search field with its count; Enter goes to the next match, Shift Enter to the one before. */
export function LogSearchTools({ log, query, searching, onChange }: Props) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the field inside has the key
    <div
      className="log-search"
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
        event.preventDefault();
        searching.go(event.shiftKey ? -1 : 1);
      }}
    >
      <SearchField label="Search the log" value={query.text} onChange={(q) => onChange({ q })} />
      <Button
        kind="quiet"
        className="log-toggle"
        aria-pressed={query.matchesCase}
        aria-label="Match case"
        title="Match case"
        onClick={() => onChange({ case: query.matchesCase ? null : "1" })}
      >
        Aa
      </Button>
      <Button
        kind="quiet"
        className="log-toggle"
        aria-pressed={query.isRegex}
        aria-label="Regular expression"
        title="Regular expression"
        onClick={() => onChange({ re: query.isRegex ? null : "1" })}
      >
        .*
      </Button>
      <Button
        kind="quiet"
        aria-label="Match before"
        title="Match before (Shift Enter)"
        onClick={() => searching.go(-1)}
      >
        ↑
      </Button>
      <Button kind="quiet" aria-label="Next match" title="Next match (Enter)" onClick={() => searching.go(1)}>
        ↓
      </Button>
      <span role="status" className={searching.problem ? "log-count log-problem" : "log-count"}>
        {words(log, query, searching)}
      </span>
    </div>
  );
}

function words(log: LogClient | null, query: LogQuery, { hit, problem, isWhole }: LogSearching): string {
  if (!query.text) return "";
  if (problem !== null) return problem;
  const found = log?.found;
  if (!found) return "Searching …";
  const lines = `${found.count.toLocaleString("en-US")}${isWhole ? "" : "+"}`;
  if (found.count === 0) return isWhole ? "No line" : "Searching …";
  const noun = found.count === 1 ? "line" : "lines";
  return hit ? `${(hit.place + 1).toLocaleString("en-US")} of ${lines} ${noun}` : `${lines} ${noun}`;
}
