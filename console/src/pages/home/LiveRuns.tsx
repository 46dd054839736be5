import type { ReactNode } from "react";
import { Link } from "react-router";
import type { RunView } from "../../api/recorded";
import { useRegistry } from "../../api/registry";
import { ALL_RUNS } from "../../api/registryFilter";
import { Failure } from "../../parts/Failure";
import { Name } from "../../parts/Name";
import { Progress } from "../../parts/Progress";
import { RunBadge } from "../../parts/RunBadge";
import { StageChain } from "../../parts/StageChain";
import { Status } from "../../parts/Status";
import { Took } from "../../parts/Time";
import { agentPath, runPath } from "../../parts/url";

const LIVE = { ...ALL_RUNS, status: ["running", "pending"], window: "all", withStages: true } as const;
const MOST = 24;

/** The runs that live now, with their stages or how far they are. */
export function LiveRuns() {
  const { runs, hasNextPage, isError, isSuccess, error, data, refetch } = useRegistry(LIVE);
  return (
    <section aria-labelledby="live-runs" className="home-section">
      <h2 id="live-runs">
        Live runs{" "}
        {runs.length > 0 ? (
          <span className="home-count">
            {runs.length}
            {hasNextPage ? "+" : ""}
          </span>
        ) : null}
      </h2>
      {isError && !data ? <Failure of={error} again={refetch} /> : null}
      {isSuccess && runs.length === 0 ? (
        <p className="soft">
          No run is at work now. <Link to="/agents">Agent runs</Link> · <Link to="/runs">All runs</Link>
        </p>
      ) : null}
      {runs.length > 0 ? (
        <ul className="card home-list">
          {runs
            .slice(0, MOST)
            .map((run) =>
              run.has_stages ? <StagedRun key={run.run_id} run={run} /> : <RecordedRun key={run.run_id} run={run} />,
            )}
        </ul>
      ) : null}
      {runs.length > MOST ? <Link to="/runs?status=running,pending&window=all">All live runs</Link> : null}
    </section>
  );
}

function StagedRun({ run }: { run: RunView }) {
  return (
    <LiveRun id={run.run_id} to={runPath(run.run_id)} run={run}>
      <StageChain runId={run.run_id} stages={run.stages ?? []} />
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
