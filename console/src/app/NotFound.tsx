import { Link, useLocation } from "react-router";
import { Empty } from "../parts/Empty";
import { Page } from "../parts/Page";

export function NotFound() {
  const { pathname } = useLocation();
  return (
    <Page title="Nothing here">
      <Empty title={`There is no page at ${pathname}`}>
        The pages stand in the bar on top; <kbd>Ctrl</kbd> <kbd>K</kbd> finds what is in them, and there is{" "}
        <Link to="/help">help</Link>.
      </Empty>
    </Page>
  );
}
