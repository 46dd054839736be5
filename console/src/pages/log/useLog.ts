/** React hooks for a log and for its search. */
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { toastError } from "../../components/Toasts";
import { type Found, type Hit, LogClient } from "./logClient";
import { expressionOf, type LogQuery } from "./logSearch";
import { firstLine, type LogScroll } from "./scroll";

/** The log at `url`, which goes on being read while its job is not final; null until it is opened. */
export function useLog(url: string | null, isLive: boolean, onHang: () => void): LogClient | null {
  const [log, setLog] = useState<LogClient | null>(null);
  const hang = useRef(onHang); // another one after each change of the URL, which must not load the log anew
  hang.current = onHang;
  useEffect(() => {
    if (url === null) return undefined;
    const client = new LogClient(url, () => {
      hang.current();
      toastError("The expression takes too long on this log. The search was stopped; try a simpler expression.");
    });
    setLog(client);
    return () => {
      client.close();
      setLog(null);
    };
  }, [url]);
  useSyncExternalStore(log?.watch ?? watchNothing, log?.snapshot ?? zero);
  useEffect(() => log?.setLive(isLive), [log, isLive]);
  return log;
}

function watchNothing(): () => void {
  return () => undefined;
}

function zero(): number {
  return 0;
}

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
  const stood = useRef<Hit | null>(null); // what the next step begins at: it may come before this one is drawn
  const walk = useRef(Promise.resolve()); // steps that were asked for, one after the other
  const isDue = useRef(false); // to stand on the first match, once there is one
  const isFresh = useRef(hasLine); // a link to a line leads there, whatever it searches for besides
  const problem = useMemo(() => {
    const expression = text ? expressionOf({ text, isRegex, matchesCase }) : null;
    return typeof expression === "string" ? expression : null;
  }, [text, isRegex, matchesCase]);

  useEffect(() => {
    setHit(null);
    stood.current = null;
    walk.current = Promise.resolve();
    isDue.current = text !== "" && !isFresh.current;
    if (log) isFresh.current = false;
    log?.search(text && problem === null ? { text, isRegex, matchesCase } : null);
  }, [log, text, isRegex, matchesCase, problem]);

  const { goTo, view, viewport } = scroll;
  const from = firstLine(view, viewport);
  function stand(found: Hit | null): void {
    setHit(found);
    stood.current = found;
    if (found) goTo(found.line);
  }
  const latest = useRef({ from, stand });
  latest.current = { from, stand };
  // Asked as the log tells of matches, not as the page is drawn: a drawing may leave some of what was told out.
  useEffect(() => {
    if (!log) return undefined;
    let asked: { found: Found | null; isWhole: boolean } = { found: null, isWhole: false };
    function standOnFirst(client: LogClient): void {
      const { found } = client;
      const isWhole = isSearched(client);
      if (!isDue.current || !found?.count || (asked.found === found && asked.isWhole === isWhole)) return;
      asked = { found, isWhole };
      const begin = latest.current.from;
      void client.seek(begin, 1).then((first) => {
        // No match told: another search has begun meanwhile. One above what is in sight counts once there is none below.
        if (!isDue.current || !client.found || !first || (first.line < begin && !isWhole)) return;
        isDue.current = false;
        latest.current.stand(first);
      });
    }
    return log.watch(() => standOnFirst(log));
  }, [log]);
  const go = useCallback(
    (step: 1 | -1) => {
      if (!log) return;
      isDue.current = false;
      async function take(client: LogClient): Promise<void> {
        const begin = stood.current ? stood.current.line + step : latest.current.from;
        latest.current.stand(await client.seek(begin, step));
      }
      walk.current = walk.current.then(() => take(log)).catch(toastError);
    },
    [log],
  );
  return { hit, problem, isWhole: log !== null && isSearched(log), go };
}

/** Returns whether every line that is here was searched, and no more are being loaded. */
function isSearched({ facts, found }: LogClient): boolean {
  const isLoaded = facts.phase === "following" || facts.phase === "ended";
  return isLoaded && found !== null && found.searched >= facts.lines - 1;
}
