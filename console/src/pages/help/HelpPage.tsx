import { Page } from "../../parts/Page";

export function HelpPage() {
  return <Page title="HelpPage">…</Page>;
}
