import { Link } from "react-router";
import type { Run } from "../../api/facts";
import { useRuns } from "../../api/runs";
import { Failure } from "../../parts/Failure";
import { Name } from "../../parts/Name";
import { StageChain } from "../../parts/StageChain";
import { Status } from "../../parts/Status";
import { Took } from "../../parts/Time";

const LIVE = { q: "", status: ["running", "pending"] };
const MOST = 12;

/** The runs that live now, each with its stages. */
export function LiveRuns() {
  const found = useRuns(LIVE);
  const runs = found.runs.slice(0, MOST);
  return (
    <section aria-labelledby="live-runs" className="home-section">
      <h2 id="live-runs">
        Live runs {found.runs.length > 0 ? <span className="home-count">{numberOf(found)}</span> : null}
      </h2>
      {found.isError && !found.data ? <Failure of={found.error} again={found.refetch} /> : null}
      {found.isSuccess && runs.length === 0 ? (
        <p className="soft">
          No agent runs now. <Link to="/agents">All agent runs</Link>
        </p>
      ) : null}
      {runs.length > 0 ? (
        <ul className="card home-list">
          {runs.map((run) => (
            <LiveRun key={run.agent_run_id} run={run} />
          ))}
        </ul>
      ) : null}
      {found.runs.length > MOST ? <Link to="/agents?status=running,pending">All live runs</Link> : null}
    </section>
  );
}

function LiveRun({ run }: { run: Run }) {
  const id = encodeURIComponent(run.agent_run_id);
  return (
    <li className="home-run">
      <Link to={`/agents?q=${id}&open=${id}`} className="home-run-id cut" title={run.agent_run_id}>
        <Name of={run.agent_run_id} />
      </Link>
      <StageChain runId={run.agent_run_id} stages={run.stages ?? []} />
      <Status of={run.status} pulse={run.status === "running"} />
      <span className="num">
        <Took from={run.started_at} to={run.ended_at} />
      </span>
    </li>
  );
}

function numberOf({ runs, hasNextPage }: ReturnType<typeof useRuns>): string {
  return hasNextPage ? `${runs.length}+` : String(runs.length);
}
