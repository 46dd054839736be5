/** Pages shown when a page fails to load or render, or does not exist. */
import { useEffect, useRef } from "react";
import { Link, useLocation, useRouteError } from "react-router";
import type { Connection } from "../api/live";
import { useConnection } from "../api/query";
import { Button, CopyButton } from "../components/Button";
import { EmptyState } from "../components/EmptyState";
import { Page } from "../components/Page";

const SAID: Record<Cause, { title: string; what: string }> = {
  away: {
    title: "The server is unreachable",
    what: "This page loads as soon as the server responds. Running jobs continue.",
  },
  upgraded: { title: "Titan was upgraded", what: "This page belongs to the previous version. Reload it." },
  broken: {
    title: "This page failed",
    what: "Your runs are not affected. Reload the page. If it fails again, report this error:",
  },
};

/** The page shown when another page fails; the rest of the console still works. */
export function ErrorPage() {
  const error = useRouteError();
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const cause = causeOf(`${error} ${text}`, useConnection()); // in some browsers the stack lacks the message
  useLoadWhenBack(cause !== "broken");
  return (
    <Page title={SAID[cause].title}>
      <p className="soft">{SAID[cause].what}</p>
      {cause === "broken" ? <pre className="card error-stack">{text}</pre> : null}
      <div className="row">
        {cause === "away" ? null : (
          <Button kind="main" onClick={() => window.location.reload()}>
            Reload
          </Button>
        )}
        {cause === "broken" ? <CopyButton text={text} /> : null}
      </div>
    </Page>
  );
}

/** Only after the server was unreachable: a missing chunk would reload the page forever. */
function useLoadWhenBack(isWanted: boolean): void {
  const connection = useConnection();
  const wasAway = useRef(false);
  useEffect(() => {
    if (connection === "away") wasAway.current = true;
    else if (connection === "live" && wasAway.current && isWanted) window.location.reload();
  }, [connection, isWanted]);
}

export function NotFound() {
  const { pathname } = useLocation();
  return (
    <Page title="Page not found">
      <EmptyState title={`No page at ${pathname}`}>
        Use the navigation bar, search with <kbd>Ctrl</kbd> <kbd>K</kbd>, or open <Link to="/help">help</Link>.
      </EmptyState>
    </Page>
  );
}

export type Cause = "away" | "upgraded" | "broken";

// What Chromium, Firefox, Safari and Vite report for a chunk that failed to load.
const MISSING_PART = /dynamically imported module|Importing a module|Unable to preload CSS/;

/** Returns the cause: a missing chunk means an upgrade, if the server is reachable. */
export function causeOf(text: string, connection: Connection): Cause {
  if (!MISSING_PART.test(text)) return "broken";
  return connection === "live" ? "upgraded" : "away";
}
