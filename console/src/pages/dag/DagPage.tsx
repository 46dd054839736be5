import { Page } from "../../parts/Page";

export function DagPage() {
  return <Page title="DagPage">…</Page>;
}
