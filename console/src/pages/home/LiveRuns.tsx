import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Run } from "../../api/facts";
import type { RunView } from "../../api/recorded";
import { useRegistry } from "../../api/registry";
import { ALL_RUNS } from "../../api/registryFilter";
import { useRuns } from "../../api/runs";
import { Failure } from "../../parts/Failure";
import { Name } from "../../parts/Name";
import { Progress } from "../../parts/Progress";
import { RunBadge } from "../../parts/RunBadge";
import { StageChain } from "../../parts/StageChain";
import { Status } from "../../parts/Status";
import { Took } from "../../parts/Time";
import { agentPath, runPath } from "../../parts/url";

const STAGED = { q: "", status: ["running", "pending"] };
const RECORDED = { ...ALL_RUNS, status: ["running", "pending"], window: "all" } as const;
const MOST = 12; // of either kind

/** The runs that live now: those with stages, then those of which only the calls are known. */
export function LiveRuns() {
  const staged = useRuns(STAGED);
  const recorded = useRegistry(RECORDED);
  const ids = new Set(staged.runs.map((run) => run.agent_run_id));
  const alone = recorded.runs.filter((run) => !ids.has(run.run_id)); // what has stages stands here with them
  const total = staged.runs.length + alone.length;
  return (
    <section aria-labelledby="live-runs" className="home-section">
      <h2 id="live-runs">
        Live runs{" "}
        {total > 0 ? (
          <span className="home-count">
            {total}
            {staged.hasNextPage || recorded.hasNextPage ? "+" : ""}
          </span>
        ) : null}
      </h2>
      {staged.isError && !staged.data ? <Failure of={staged.error} again={staged.refetch} /> : null}
      {recorded.isError && !recorded.data ? <Failure of={recorded.error} again={recorded.refetch} /> : null}
      {staged.isSuccess && recorded.isSuccess && total === 0 ? (
        <p className="soft">
          No run is at work now. <Link to="/agents">All agent runs</Link> · <Link to="/runs">All recorded runs</Link>
        </p>
      ) : null}
      {total > 0 ? (
        <ul className="card home-list">
          {staged.runs.slice(0, MOST).map((run) => (
            <StagedRun key={run.agent_run_id} run={run} />
          ))}
          {alone.slice(0, MOST).map((run) => (
            <RecordedRun key={run.run_id} run={run} />
          ))}
        </ul>
      ) : null}
      {staged.runs.length > MOST ? <Link to="/agents?status=running,pending">All live agent runs</Link> : null}
      {alone.length > MOST ? <Link to="/runs?status=running,pending&window=all">All live recorded runs</Link> : null}
    </section>
  );
}

function StagedRun({ run }: { run: Run }) {
  const id = encodeURIComponent(run.agent_run_id);
  return (
    <LiveRun id={run.agent_run_id} to={`/agents?q=${id}&open=${id}`} run={run}>
      <StageChain runId={run.agent_run_id} stages={run.stages ?? []} />
      <Status of={run.status} pulse={run.status === "running"} />
    </LiveRun>
  );
}

function RecordedRun({ run }: { run: RunView }) {
  return (
    <LiveRun id={run.run_id} to={runPath(run.run_id)} run={run}>
      <span className="home-whose">
        <Link to={agentPath(run.agent_id)} className="soft" title={run.agent_id}>
          <Name of={run.agent_id} />
        </Link>
        <span className="cut faint" dir="auto" title={run.name ?? undefined}>
          {run.name === run.agent_id ? null : run.name}
        </span>
        <Progress of={run.progress} />
      </span>
      <RunBadge run={run} />
    </LiveRun>
  );
}

interface LiveRunProps {
  id: string;
  to: string;
  run: { started_at: string; ended_at: string | null };
  /** What it does now, and how it stands. */
  children: ReactNode;
}

function LiveRun({ id, to, run, children }: LiveRunProps) {
  return (
    <li className="home-run">
      <Link to={to} className="home-run-id cut" title={id}>
        <Name of={id} />
      </Link>
      {children}
      <span className="num">
        <Took from={run.started_at} to={run.ended_at} />
      </span>
    </li>
  );
}
