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
    title: "The server is away",
    what: "This page loads by itself as soon as the server is back. Jobs go on under their workers.",
  },
  upgraded: { title: "Titan was upgraded", what: "The page you have open is from before. Load it again." },
  broken: {
    title: "This page broke",
    what: "Nothing of your runs is affected. Load the page again; if that does not help, report this:",
  },
};

/** What a page shows that broke: the rest of the console goes on. */
export function ErrorPage() {
  const error = useRouteError();
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const cause = causeOf(`${error} ${text}`, useConnection()); // the stack does not tell the message in every browser
  useLoadWhenBack(cause !== "broken");
  return (
    <Page title={SAID[cause].title}>
      <p className="soft">{SAID[cause].what}</p>
      {cause === "broken" ? <pre className="card error-stack">{text}</pre> : null}
      <div className="row">
        {cause === "away" ? null : (
          <Button kind="main" onClick={() => window.location.reload()}>
            Load again
          </Button>
        )}
        {cause === "broken" ? <CopyButton text={text} /> : null}
      </div>
    </Page>
  );
}

/** Only after the server was seen to be away: a part that it does not have would be asked for again for ever. */
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
    <Page title="Nothing here">
      <EmptyState title={`There is no page at ${pathname}`}>
        The pages stand in the bar on top; <kbd>Ctrl</kbd> <kbd>K</kbd> finds what is in them, and there is{" "}
        <Link to="/help">help</Link>.
      </EmptyState>
    </Page>
  );
}

export type Cause = "away" | "upgraded" | "broken";

// What Chromium, Firefox, Safari and Vite say of a part of the page that could not be loaded.
const MISSING_PART = /dynamically imported module|Importing a module|Unable to preload CSS/;

/** Returns the cause: a part that is not there is of before an upgrade, if there is a server to ask for it. */
export function causeOf(text: string, connection: Connection): Cause {
  if (!MISSING_PART.test(text)) return "broken";
  return connection === "live" ? "upgraded" : "away";
}
