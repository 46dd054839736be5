import { Link } from "react-router";
import { useQueue } from "../../api/attention";
import { useWorkers } from "../../api/workers";
import { count, NOTHING } from "../../parts/format";
import { clusterFacts } from "./concerns";

/** The cluster in one line: workers, busy slots of all, and how many jobs wait for one. */
export function ClusterLine() {
  const workers = useWorkers();
  const queue = useQueue();
  const facts = workers.data ? clusterFacts(workers.data) : null;
  return (
    <Link to="/workers" className="home-cluster" title="Workers, their slots, and why each job waits">
      <span>{facts ? count(facts.workers, "worker") : NOTHING}</span>
      {facts?.draining ? <span>{facts.draining} draining</span> : null}
      <span>
        {facts ? `${facts.busy} of ${count(facts.slots, "slot")} busy` : NOTHING}
        <meter className="unseen" min={0} max={facts?.slots || 1} value={facts?.busy ?? 0} aria-label="Busy slots" />
      </span>
      <span>{queue.data ? `${count(queue.data.length, "job")} queued` : NOTHING}</span>
    </Link>
  );
}
