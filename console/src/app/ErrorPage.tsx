import { useRouteError } from "react-router";
import { Button } from "../parts/Button";
import { CopyButton } from "../parts/CopyButton";
import { Page } from "../parts/Page";

/** What a page shows that broke: the rest of the console goes on. */
export function ErrorPage() {
  const error = useRouteError();
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  // After an upgrade a page that was open asks for chunks that are no more.
  const isOldPage = /dynamically imported module|Importing a module/.test(text);
  return (
    <Page title={isOldPage ? "Titan was upgraded" : "This page broke"}>
      <p className="soft">
        {isOldPage
          ? "The page you have open is from before. Load it again."
          : "Nothing of your runs is affected. Load the page again; if that does not help, report this:"}
      </p>
      {isOldPage ? null : <pre className="card error-stack">{text}</pre>}
      <div className="row">
        <Button kind="main" onClick={() => window.location.reload()}>
          Load again
        </Button>
        {isOldPage ? null : <CopyButton text={text} />}
      </div>
    </Page>
  );
}
