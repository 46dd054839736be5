import { Page } from "../../parts/Page";

export function ApprovalsPage() {
  return <Page title="ApprovalsPage">…</Page>;
}
