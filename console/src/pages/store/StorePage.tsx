import { Page } from "../../parts/Page";

export function StorePage() {
  return <Page title="StorePage">…</Page>;
}
