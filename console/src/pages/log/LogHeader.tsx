import { Link } from "react-router";
import type { Job } from "../../api/facts";
import { ofProject } from "../../api/project";
import { bytes, duration, ofNanoseconds } from "../../parts/format";
import { JobTook } from "../../parts/JobTook";
import { lookOf, Status } from "../../parts/Status";
import { dagPath } from "../../parts/url";
import type { LogFacts } from "./logMessages";

interface Props {
  job: Job;
  attempt: string | null;
  facts: LogFacts;
  onAttempt: (attempt: string | null) => void;
}

/** Whose log it is: status, DAG, worker, time, attempts, and the whole of it as a file. */
export function LogHeader({ job, attempt, facts, onAttempt }: Props) {
  const attempts = job.attempts ?? [];
  return (
    <div className="log-header">
      <Status of={job.status} pulse={job.status === "RUNNING"} />
      <Link to={dagPath({ name: job.dag_name, dag_id: job.dag_id }, job.job_id)} className="cut log-dag" dir="auto">
        {job.dag_name}
      </Link>
      {job.worker ? (
        <span className="soft cut" title="Worker">
          on {job.worker}
        </span>
      ) : null}
      {job.started_at ? (
        <span className="soft">
          <JobTook job={job} />
        </span>
      ) : null}
      {job.exit_code ? <span className="soft">exit code {job.exit_code}</span> : null}
      {attempts.length > 1 ? (
        <select
          className="field"
          aria-label="Attempt"
          value={attempt ?? ""}
          onChange={(event) => onAttempt(event.target.value || null)}
        >
          <option value="">All {attempts.length} attempts</option>
          {attempts.map((one) => (
            <option key={one.attempt} value={one.attempt}>
              Attempt {one.attempt}: {one.outcome ? lookOf(one.outcome).word : "Running"}
              {one.duration_ns === null ? "" : `, ${duration(ofNanoseconds(one.duration_ns))}`}
            </option>
          ))}
        </select>
      ) : null}
      <span className="soft log-size">{bytes(facts.size)}</span>
      <a className="button" href={logUrl(job.job_id, attempt)} download={`${job.name}.log`}>
        Download
      </a>
    </div>
  );
}

export function logUrl(jobId: string, attempt: string | null): string {
  const query = attempt ? `?attempt=${encodeURIComponent(attempt)}` : "";
  return ofProject(`/api/jobs/${encodeURIComponent(jobId)}/log${query}`);
}
