import { Page } from "../../parts/Page";

export function WorkersPage() {
  return <Page title="WorkersPage">…</Page>;
}
