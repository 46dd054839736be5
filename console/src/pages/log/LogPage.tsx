import { Page } from "../../parts/Page";

export function LogPage() {
  return <Page title="LogPage">…</Page>;
}
