import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { complain } from "../../parts/Toasts";
import type { LogClient } from "./logClient";
import type { Hit } from "./logMessages";
import { expressionOf, type LogQuery } from "./logSearch";
import { firstLine } from "./scroll";
import type { LogScroll } from "./useLogScroll";

export interface LogSearching {
  readonly hit: Hit | null;
  /** Why the expression is none. */
  readonly problem: string | null;
  readonly isWhole: boolean;
  readonly go: (step: 1 | -1) => void;
}

/** The search of a log: it stands on the first matching line from what is in sight on, and goes from match to match. */
export function useLogSearch(
  log: LogClient | null,
  scroll: LogScroll,
  query: LogQuery,
  hasLine: boolean,
): LogSearching {
  const { text, isRegex, matchesCase } = query;
  const [hit, setHit] = useState<Hit | null>(null);
  const isDue = useRef(false); // to stand on the first match, once there is one
  const isFresh = useRef(hasLine); // a link to a line leads there, whatever it searches for besides
  const problem = useMemo(() => {
    const expression = text ? expressionOf({ text, isRegex, matchesCase }) : null;
    return typeof expression === "string" ? expression : null;
  }, [text, isRegex, matchesCase]);

  useEffect(() => {
    setHit(null);
    isDue.current = text !== "" && !isFresh.current;
    if (log) isFresh.current = false;
    log?.search(text && problem === null ? { text, isRegex, matchesCase } : null);
  }, [log, text, isRegex, matchesCase, problem]);

  const { goTo, view, sight } = scroll;
  const from = firstLine(view, sight);
  const stand = useCallback(
    (found: Hit | null) => {
      setHit(found);
      if (found) goTo(found.line);
    },
    [goTo],
  );
  const found = log?.found ?? null;
  const isLoaded = log?.facts.phase === "following" || log?.facts.phase === "ended";
  const isWhole = isLoaded && found !== null && found.searched >= (log?.facts.lines ?? 0) - 1;
  useEffect(() => {
    if (!isDue.current || !found?.count) return;
    void log?.seek(from, 1).then((first) => {
      if (!isDue.current || !first || (first.line < from && !isWhole)) return;
      isDue.current = false;
      stand(first);
    });
  }, [log, found, from, isWhole, stand]);

  const go = useCallback(
    (step: 1 | -1) => {
      isDue.current = false;
      const begin = hit ? hit.line + step : from;
      void log?.seek(begin, step).then(stand).catch(complain);
    },
    [log, hit, from, stand],
  );
  return { hit, problem, isWhole, go };
}
