import type { ReactNode } from "react";
import { Link } from "react-router";
import { ALL_RUNS, useHasBegun, useRegistry } from "../../api/registry";
import type { OriginChoice, RunView, Worker } from "../../api/types";
import { Progress, RunBadge, Status } from "../../components/badges";
import { ErrorNotice } from "../../components/EmptyState";
import { OriginControl, originIn } from "../../components/fields";
import { count, NOTHING } from "../../components/format";
import { Name } from "../../components/links";
import { Page } from "../../components/Page";
import { StageChain } from "../../components/StageChain";
import { Duration } from "../../components/Time";
import { agentPath, runPath, useUrl } from "../../components/url";
import { Attention } from "./Attention";
import { clusterFacts, useConcerns } from "./concerns";
import { FirstSteps } from "./FirstSteps";
import "./home.css";

/** The Home page: what needs attention, live runs and the cluster. */
export function HomePage() {
  const hasBegun = useHasBegun();
  const [query, change] = useUrl();
  const origin = originIn(query);
  const concerns = useConcerns(origin);
  return (
    <Page
      title="Home"
      aside={
        <div className="row">
          {hasBegun ? <OriginControl chosen={origin} onChange={change} /> : null}
          <ClusterLine workers={concerns.workers} queued={concerns.queued} />
        </div>
      }
    >
      {hasBegun === false ? <FirstSteps /> : null}
      {hasBegun === false && concerns.total === 0 ? null : <Attention concerns={concerns} />}
      {hasBegun ? <LiveRuns origin={origin} /> : null}
    </Page>
  );
}

interface Props {
  /** Connected workers; undefined while loading. */
  workers: readonly Worker[] | undefined;
  /** The number of waiting jobs. */
  queued: number | undefined;
}

/** The cluster in one line: workers, busy slots and queued jobs. */
function ClusterLine({ workers, queued }: Props) {
  const facts = workers ? clusterFacts(workers) : null;
  return (
    <Link to="/workers" className="home-cluster" title="Workers, their slots, and why each job waits">
      <span>{facts ? count(facts.workers, "worker") : NOTHING}</span>
      {facts?.draining ? <span>{facts.draining} draining</span> : null}
      <span>
        {facts ? `${facts.busy} of ${count(facts.slots, "slot")} busy` : NOTHING}
        <meter className="sr-only" min={0} max={facts?.slots || 1} value={facts?.busy ?? 0} aria-label="Busy slots" />
      </span>
      <span>{queued === undefined ? NOTHING : `${count(queued, "job")} queued`}</span>
    </Link>
  );
}

const LIVE = { ...ALL_RUNS, status: ["running", "pending"], window: "all", withStages: true } as const;
const MOST = 24;

/** The live runs with their stages or progress. */
function LiveRuns({ origin }: { origin: OriginChoice }) {
  const { runs, hasNextPage, isError, isSuccess, error, data, refetch } = useRegistry({ ...LIVE, origin });
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
      {isError && !data ? <ErrorNotice of={error} onRetry={refetch} /> : null}
      {isSuccess && runs.length === 0 ? (
        <p className="soft">
          No live runs. <Link to="/agents">Agent runs</Link> · <Link to="/runs">All runs</Link>
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
      {runs.length > MOST ? (
        <Link to={`/runs?status=running,pending&window=all&origin=${origin}`}>All live runs</Link>
      ) : null}
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
        <Link to={agentPath(run.agent_id, run.origin)} className="soft" title={run.agent_id}>
          <Name of={run.agent_id} />
        </Link>
        <span className="truncate faint" dir="auto" title={run.name ?? undefined}>
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
  /** What it does now, and its status. */
  children: ReactNode;
}

function LiveRun({ id, to, run, children }: LiveRunProps) {
  return (
    <li className="home-run">
      <Link to={to} className="home-run-id truncate" title={id}>
        <Name of={id} />
      </Link>
      {children}
      <span className="num">
        <Duration from={run.started_at} to={run.ended_at} />
      </span>
    </li>
  );
}
