import { Page } from "../../parts/Page";

export function HomePage() {
  return <Page title="HomePage">…</Page>;
}
