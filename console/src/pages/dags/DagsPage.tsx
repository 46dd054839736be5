import { Page } from "../../parts/Page";

export function DagsPage() {
  return <Page title="DagsPage">…</Page>;
}
