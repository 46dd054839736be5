/** The stages of a run with their jobs. */
import { Link } from "react-router";
import { useRun } from "../../api/run";
import type { Dag, Job, RunView } from "../../api/types";
import { CopyButton } from "../../components/Button";
import { Status } from "../../components/badges";
import { ErrorNotice } from "../../components/EmptyState";
import { count } from "../../components/format";
import { Name } from "../../components/links";
import { Duration, JobDuration } from "../../components/Time";
import { dagPath, logPath } from "../../components/url";

const MOST_JOBS = 12; // of a stage; its DAG page has the rest

interface Props {
  run: RunView;
  /** Leaves out what the run's page already shows. */
  isBrief?: boolean;
}

/** The stages of a run with their jobs. */
export function RunDetails({ run, isBrief = false }: Props) {
  const found = useRun(run.run_id);
  if (found.isError && !found.data) return <ErrorNotice of={found.error} onRetry={found.refetch} />;
  const stages = found.data?.stages ?? run.stages ?? [];
  return (
    <div className="agents-details">
      <div className="row soft">
        {isBrief ? null : <span>{count(run.stage_count ?? 0, "stage")}</span>}
        {isBrief ? null : <span>{count(run.job_count ?? 0, "job")}</span>}
        {run.orchestrator ? (
          <span>
            orchestrated on <bdi>{run.orchestrator.host}</bdi>
          </span>
        ) : null}
        <Link to={`/dags?q=${encodeURIComponent(run.run_id)}`}>DAGs of this run</Link>
        <CopyButton text={run.run_id} label="Copy run id" />
      </div>
      {run.reason && !isBrief ? (
        <p className="agents-reason" dir="auto">
          {run.reason}
        </p>
      ) : null}
      <div className="agents-cards">
        {stages.map((stage) => (
          <StageCard key={stage.dag_id} stage={stage} />
        ))}
      </div>
    </div>
  );
}

/** A stage with links to its jobs and their logs. */
export function StageCard({ stage }: { stage: Dag }) {
  const jobs = mostRelevant(stage.jobs ?? [], MOST_JOBS);
  const rest = (stage.jobs?.length ?? 0) - jobs.length;
  return (
    <section className="card agents-card" aria-label={stage.name}>
      <header>
        <Status of={stage.status} small />
        <Link to={dagPath(stage)} className="truncate agents-card-name" title={stage.name}>
          <Name of={stage.label} />
        </Link>
        <span className="faint">
          <Duration from={stage.started_at} to={stage.ended_at} />
        </span>
      </header>
      <ul>
        {jobs.map((job) => (
          <JobLine key={job.job_id} stage={stage} job={job} />
        ))}
      </ul>
      {rest > 0 ? (
        <Link to={dagPath(stage)} className="agents-rest">
          {count(rest, "more job")}
        </Link>
      ) : null}
    </section>
  );
}

function JobLine({ stage, job }: { stage: Dag; job: Job }) {
  return (
    <li>
      <Status of={job.status} small />
      <Link to={dagPath(stage, job.job_id)} className="truncate" title={job.reason ?? job.name}>
        <Name of={job.name} />
      </Link>
      <span className="faint num">
        <JobDuration job={job} />
      </span>
      {job.started_at === null ? null : (
        <Link to={logPath(job.job_id)} aria-label={`Log of ${job.name}`}>
          Log
        </Link>
      )}
    </li>
  );
}

const RANKS: Partial<Record<Job["status"], number>> = { FAILED: 0, WAITING_APPROVAL: 1, RUNNING: 2 };
const OTHER_RANK = 3;

export function mostRelevant(jobs: readonly Job[], most: number): readonly Job[] {
  if (jobs.length <= most) return jobs;
  const chosen = jobs
    .map((job, at) => ({ job, at, rank: RANKS[job.status] ?? OTHER_RANK }))
    .sort((one, other) => one.rank - other.rank || one.at - other.at)
    .slice(0, most);
  return chosen.sort((one, other) => one.at - other.at).map(({ job }) => job);
}
