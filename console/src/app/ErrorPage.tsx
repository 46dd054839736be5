import { useEffect, useRef } from "react";
import { useRouteError } from "react-router";
import { useConnection } from "../api/query";
import { Button } from "../parts/Button";
import { CopyButton } from "../parts/CopyButton";
import { Page } from "../parts/Page";
import { type Cause, causeOf } from "./broken";

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
