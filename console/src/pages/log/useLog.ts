/** React hooks for a log and for its search. */
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { toastError } from "../../components/Toasts";
import { type Found, type Hit, LogClient } from "./logClient";
import { expressionOf, type LogQuery } from "./logSearch";
import { firstLine, type LogScroll } from "./scroll";

/** Loads the log at `url` and follows it while the job runs; null until it is open. */
export function useLog(url: string | null, isLive: boolean, onHang: () => void): LogClient | null {
  const [log, setLog] = useState<LogClient | null>(null);
  const hang = useRef(onHang); // a new function after each URL change must not reload the log
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
  /** Why the expression is invalid. */
  readonly problem: string | null;
  readonly isWhole: boolean;
  readonly go: (step: 1 | -1) => void;
}

/** The search of a log: goes to the first match from the visible lines on, then from match to match. */
export function useLogSearch(
  log: LogClient | null,
  scroll: LogScroll,
  query: LogQuery,
  hasLine: boolean,
): LogSearching {
  const { text, isRegex, matchesCase } = query;
  const [hit, setHit] = useState<Hit | null>(null);
  const stood = useRef<Hit | null>(null); // the current match, which may change before the next render
  const walk = useRef(Promise.resolve()); // requested steps, in order
  const isDue = useRef(false); // go to the first match once there is one
  const isFresh = useRef(hasLine); // a link to a line goes there, also with a search
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
  // Subscribe to the client: renders may skip some of its updates.
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
        // No result: another search has started. A match above the view counts once there is none below.
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

/** Returns whether all loaded lines are searched and loading is done. */
function isSearched({ facts, found }: LogClient): boolean {
  const isLoaded = facts.phase === "following" || facts.phase === "ended";
  return isLoaded && found !== null && found.searched >= facts.lines - 1;
}
