/** The toolbar of a log: search, line selection, wrap and follow. */
import { useState } from "react";
import { Button } from "../../components/Button";
import { SearchField } from "../../components/fields";
import { toast, toastError } from "../../components/Toasts";
import type { LogClient } from "./logClient";
import type { LogQuery } from "./logSearch";
import type { LogScroll } from "./scroll";
import type { LogSearching } from "./useLog";

interface Props {
  log: LogClient | null;
  scroll: LogScroll;
  chosen: LineRange | null;
  wraps: boolean;
  isLive: boolean;
  onChange: (changes: Record<string, string | null>) => void;
}

/** Line selection, wrapping, and whether the view follows the end. */
export function LogTools({ log, scroll, chosen, wraps, isLive, onChange }: Props) {
  const sticks = scroll.view.at === "end";
  return (
    <div className="log-tools">
      <LineField chosen={chosen} onChange={onChange} />
      {chosen && log ? <ChosenLines log={log} chosen={chosen} onClear={() => onChange({ line: null })} /> : null}
      <Button
        kind="quiet"
        className="log-toggle"
        aria-pressed={wraps}
        title="Break long lines at the edge of the window"
        onClick={() => onChange({ wrap: wraps ? null : "1" })}
      >
        Wrap
      </Button>
      {isLive ? (
        <Button
          kind="quiet"
          className="log-toggle"
          aria-pressed={sticks}
          title="Scroll with new lines"
          onClick={() => (sticks ? scroll.moveBy(-1) : scroll.toEnd())}
        >
          Follow
        </Button>
      ) : null}
    </div>
  );
}

function LineField({ chosen, onChange }: Pick<Props, "chosen" | "onChange">) {
  const now = chosen ? textOfRange(chosen) : "";
  const [typed, setTyped] = useState<string | null>(null);
  function take(): void {
    if (typed === null) return;
    const range = lineRangeOf(typed);
    if (range || !typed.trim()) onChange({ line: range && textOfRange(range) });
    setTyped(null);
  }
  return (
    <input
      className="field log-line-field"
      aria-label="Line or range, such as 12-40"
      placeholder="Line"
      inputMode="numeric"
      value={typed ?? now}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={take}
      onKeyDown={(event) => {
        if (event.key === "Enter") take();
        else if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

function ChosenLines({ log, chosen, onClear }: { log: LogClient; chosen: LineRange; onClear: () => void }) {
  const count = chosen.to - chosen.from + 1;
  async function copy(what: "lines" | "link"): Promise<void> {
    try {
      const text = what === "lines" ? await log.text(chosen.from - 1, chosen.to) : window.location.href;
      await navigator.clipboard.writeText(text);
      toast(
        what === "link" ? "Link copied" : count === 1 ? "Line copied" : `${count.toLocaleString("en-US")} lines copied`,
      );
    } catch (error) {
      toastError(error);
    }
  }
  return (
    <>
      <Button kind="quiet" onClick={() => void copy("lines")}>
        Copy {count === 1 ? "line" : "lines"}
      </Button>
      <Button kind="quiet" onClick={() => void copy("link")}>
        Copy link
      </Button>
      <Button kind="quiet" aria-label="Clear the selection" onClick={onClear}>
        ✕
      </Button>
    </>
  );
}

interface LogSearchToolsProps {
  log: LogClient | null;
  query: LogQuery;
  searching: LogSearching;
  onChange: (changes: Record<string, string | null>) => void;
}

/** The search field with its count; Enter moves to the next match, Shift Enter to the previous one. */
export function LogSearchTools({ log, query, searching, onChange }: LogSearchToolsProps) {
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
        aria-label="Previous match"
        title="Previous match (Shift Enter)"
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
  if (found.count === 0) return isWhole ? "No matches" : "Searching …";
  const noun = found.count === 1 ? "line" : "lines";
  return hit ? `${(hit.place + 1).toLocaleString("en-US")} of ${lines} ${noun}` : `${lines} ${noun}`;
}

export interface LineRange {
  readonly from: number;
  readonly to: number;
}

/** Returns the range; null where the text is not one. */
export function lineRangeOf(text: string | null): LineRange | null {
  const found = /^\s*L?(\d{1,10})(?:\s*-\s*L?(\d{1,10}))?\s*$/i.exec(text ?? "");
  if (!found) return null;
  const first = Number(found[1]);
  const second = Number(found[2] ?? found[1]);
  if (first < 1 || second < 1) return null;
  return { from: Math.min(first, second), to: Math.max(first, second) };
}

export function textOfRange({ from, to }: LineRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** Returns the range after a click on a line; Shift extends it. */
export function rangeAfterClick(old: LineRange | null, line: number, withShift: boolean): LineRange {
  if (!withShift || !old) return { from: line, to: line };
  return { from: Math.min(old.from, line), to: Math.max(line, old.from) };
}
