import { useEffect, useRef } from "react";
import { Link } from "react-router";
import { namesBehind } from "../../../api/behind";
import type { Dag, Job } from "../../../api/facts";
import { useAttempts } from "../../../api/job";
import { LogTail } from "../../../parts/LogTail";
import { Status } from "../../../parts/Status";
import { logPath } from "../../../parts/url";
import { useEscape } from "../../../parts/useEscape";
import { GateDecision } from "../GateDecision";
import { Attempts } from "./Attempts";
import { JobActions } from "./JobActions";
import { JobFacts } from "./JobFacts";
import { JobFiles, JobResult, JobStory } from "./JobReads";
import { Part } from "./Part";
import "./panel.css";

interface Props {
  job: Job;
  dag: Dag;
  onChoose: (jobId: string) => void;
  onClose: () => void;
}

/** One job beside the graph; on a phone a sheet over it. Esc closes it. */
export function JobPanel({ job, dag, onChoose, onClose }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEscape(onClose);
  useEffect(() => {
    // Where it covers the page, the focus must be in it.
    if (window.matchMedia("(max-width: 720px)").matches) heading.current?.focus();
  }, []);
  const isGate = job.kind === "gate";
  const attempts = useAttempts(job.job_id, !isGate);
  return (
    <aside className="panel card" aria-label={`Job ${job.name}`}>
      <header className="panel-head">
        <h2 ref={heading} tabIndex={-1} className="whole" dir="auto">
          {job.name}
        </h2>
        <Status of={job.status} pulse={job.status === "RUNNING"} />
        <button type="button" className="button button-quiet panel-close" onClick={onClose}>
          ✕<span className="unseen"> Close</span>
        </button>
      </header>
      <div className="panel-body">
        {job.reason ? (
          <p className="panel-reason" dir="auto" data-bad={job.status === "FAILED" || undefined}>
            {job.reason}
          </p>
        ) : null}
        {isGate && job.hitl_message ? <p dir="auto">{job.hitl_message}</p> : null}
        {job.status === "WAITING_APPROVAL" ? (
          <GateDecision gate={job} behind={namesBehind(dag, job.name).length} />
        ) : (
          <JobActions job={job} />
        )}
        <JobFacts job={job} attempts={attempts.length} dag={dag} onChoose={onChoose} />
        {isGate ? null : (
          <>
            <Attempts attempts={attempts} />
            <Part title="Log" aside={<Link to={logPath(job.job_id)}>Full log</Link>}>
              <LogTail key={job.job_id} jobId={job.job_id} jobName={job.name} isFinal={job.ended_at !== null} />
            </Part>
            <JobResult job={job} />
            <JobFiles job={job} />
          </>
        )}
        <JobStory job={job} />
      </div>
    </aside>
  );
}
