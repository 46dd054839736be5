import { type MouseEvent, useCallback, useEffect, useRef, useState } from "react";
import type { Job } from "../../api/facts";
import { Page } from "../../parts/Page";
import { useUrl } from "../../parts/url";
import { LogFoot } from "./LogFoot";
import { LogHeader, logUrl } from "./LogHeader";
import { LogSearchTools } from "./LogSearchTools";
import { LogTools } from "./LogTools";
import { LogView } from "./LogView";
import { LongLine } from "./LongLine";
import { lineRangeOf, rangeAfterClick, textOfRange } from "./lineRange";
import { NO_FACTS } from "./logMessages";
import { useLog } from "./useLog";
import { type LogScroll, useLogScroll } from "./useLogScroll";
import { useLogSearch } from "./useLogSearch";

const FINAL: readonly string[] = ["COMPLETED", "FAILED", "CANCELLED"];

/** The log of a job that was found; everything a person chose stands in the URL. */
export function Log({ job }: { job: Job }) {
  const [url, setUrl] = useUrl();
  const attempt = url.get("attempt");
  const wraps = url.has("wrap");
  const line = url.get("line");
  const chosen = lineRangeOf(line);
  const query = { text: url.get("q") ?? "", isRegex: url.has("re"), matchesCase: url.has("case") };
  const isLive = !FINAL.includes(job.status) && !hasEnded(job, attempt);
  const log = useLog(logUrl(job.job_id, attempt), isLive, () => setUrl({ q: null }));
  const facts = log?.facts ?? NO_FACTS;
  const scroll = useLogScroll(facts.lines, wraps);
  const searching = useLogSearch(log, scroll, query, chosen !== null);
  const [whole, setWhole] = useState<number | null>(null);
  useBegin(scroll, line, facts.lines, isLive || job.status === "FAILED");

  const latest = useRef(chosen);
  latest.current = chosen;
  const onNumber = useCallback(
    (clicked: number, event: MouseEvent) => {
      if (event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      setUrl({ line: textOfRange(rangeAfterClick(latest.current, clicked + 1, event.shiftKey)) });
    },
    [setUrl],
  );

  return (
    <Page
      title={job.name}
      fills
      aside={
        <LogHeader job={job} attempt={attempt} facts={facts} onAttempt={(to) => setUrl({ attempt: to, line: null })} />
      }
    >
      <div className="log card">
        <div className="log-bar">
          <LogSearchTools log={log} query={query} searching={searching} onChange={setUrl} />
          <LogTools log={log} scroll={scroll} chosen={chosen} wraps={wraps} isLive={isLive} onChange={setUrl} />
        </div>
        <div className="log-body">
          {log ? (
            <LogView
              log={log}
              scroll={scroll}
              wraps={wraps}
              chosen={chosen}
              hit={searching.hit?.line ?? null}
              onNumber={onNumber}
              onWhole={setWhole}
            />
          ) : null}
          <LogFoot log={log} job={job} scroll={scroll} isLive={isLive} />
        </div>
      </div>
      {log && whole !== null ? <LongLine log={log} line={whole} onClose={() => setWhole(null)} /> : null}
    </Page>
  );
}

/** Whether a chosen attempt is over: its log ends with it, also while the job is tried again. */
function hasEnded(job: Job, attempt: string | null): boolean {
  const chosen = job.attempts?.find((one) => String(one.attempt) === attempt);
  return Boolean(chosen?.outcome);
}

/** Begins at the line that the URL names, else at the end where that is what people look for; follows a new `line`. */
function useBegin({ goTo, toEnd }: LogScroll, line: string | null, lines: number, atEnd: boolean): void {
  const shown = useRef<string | null | undefined>(undefined);
  useEffect(() => {
    if (shown.current === line || lines === 0) return;
    const range = lineRangeOf(line);
    if (range && lines < range.from) return; // it has not come yet
    const isFirst = shown.current === undefined;
    shown.current = line;
    if (range) goTo(range.from - 1);
    else if (isFirst && atEnd) toEnd();
  }, [line, lines, atEnd, goTo, toEnd]);
}
