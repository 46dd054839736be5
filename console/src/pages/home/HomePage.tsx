import { useHasBegun } from "../../api/attention";
import { Page } from "../../parts/Page";
import { Attention } from "./Attention";
import { ClusterLine } from "./ClusterLine";
import { FirstSteps } from "./FirstSteps";
import { LiveRuns } from "./LiveRuns";
import { useConcerns } from "./useConcerns";
import "./home.css";

/** Home: what needs somebody now, what runs, and the cluster in one line. */
export function HomePage() {
  const hasBegun = useHasBegun();
  const concerns = useConcerns();
  return (
    <Page title="Home" aside={<ClusterLine workers={concerns.workers} queued={concerns.queued} />}>
      {hasBegun === false ? <FirstSteps /> : null}
      {hasBegun === false && concerns.total === 0 ? null : <Attention concerns={concerns} />}
      {hasBegun ? <LiveRuns /> : null}
    </Page>
  );
}
