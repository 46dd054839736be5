import { Link } from "react-router";
import type { Worker } from "../../api/facts";
import { count, NOTHING } from "../../parts/format";
import { clusterFacts } from "./concerns";

interface Props {
  /** Those that are here; undefined while they are being read. */
  workers: readonly Worker[] | undefined;
  /** How many jobs wait, as the queue of /workers counts them. */
  queued: number | undefined;
}

/** The cluster in one line: workers, busy slots of all, and how many jobs wait. */
export function ClusterLine({ workers, queued }: Props) {
  const facts = workers ? clusterFacts(workers) : null;
  return (
    <Link to="/workers" className="home-cluster" title="Workers, their slots, and why each job waits">
      <span>{facts ? count(facts.workers, "worker") : NOTHING}</span>
      {facts?.draining ? <span>{facts.draining} draining</span> : null}
      <span>
        {facts ? `${facts.busy} of ${count(facts.slots, "slot")} busy` : NOTHING}
        <meter className="unseen" min={0} max={facts?.slots || 1} value={facts?.busy ?? 0} aria-label="Busy slots" />
      </span>
      <span>{queued === undefined ? NOTHING : `${count(queued, "job")} queued`}</span>
    </Link>
  );
}
