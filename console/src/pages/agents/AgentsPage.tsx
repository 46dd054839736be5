import { Page } from "../../parts/Page";

export function AgentsPage() {
  return <Page title="AgentsPage">…</Page>;
}
