/** The panel of one job: actions, attempts, log, result, files and history. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import { fileKey, useAttempts, useJobFiles, useJobHistory, useResult } from "../../api/dags";
import { downstreamJobs } from "../../api/gates";
import { useCanChange } from "../../api/session";
import type { Attempt, Dag, Job } from "../../api/types";
import { Button, CopyButton } from "../../components/Button";
import { Status } from "../../components/badges";
import { ConfirmDialog } from "../../components/Dialog";
import { laidOutJson } from "../../components/files";
import { bytes, count, duration, NOTHING, ofNanoseconds } from "../../components/format";
import { useEscape } from "../../components/keyboard";
import { LogTail } from "../../components/LogTail";
import { Duration, Time } from "../../components/Time";
import { blobPath, dagPath, logPath, useUrl } from "../../components/url";
import { exitOf } from "./dagEvents";
import { GateDecision } from "./GateBanner";
import { JobFacts } from "./JobFacts";
import "./dag.css";

interface Props {
  job: Job;
  dag: Dag;
  onChoose: (jobId: string) => void;
  onClose: () => void;
}

/** The panel beside the graph; on a phone it covers the page. Esc closes it. */
export function JobPanel({ job, dag, onChoose, onClose }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEscape(onClose);
  useEffect(() => {
    // On a phone the panel covers the page and needs the focus.
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
          ✕<span className="sr-only"> Close</span>
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
          <GateDecision gate={job} behind={downstreamJobs(dag, job.name).length} />
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
        <JobHistory job={job} />
      </div>
    </aside>
  );
}

/** The buttons of a job: cancel, retry, rerun. */
function JobActions({ job }: { job: Job }) {
  const canChange = useCanChange();
  const navigate = useNavigate();
  const [asks, setAsks] = useState(false);
  const params = { path: { job: job.job_id } };
  const cancel = useChange(
    async (_: null, headers) => (await api.POST("/api/jobs/{job}/cancel", { params, headers })).data,
    (answer) =>
      answer?.stopping.length ? `Stopping ${job.name}` : `Cancelled ${count(answer?.cancelled.length ?? 0, "job")}`,
  );
  const retry = useChange(
    async (_: null, headers) => (await api.POST("/api/jobs/{job}/retry", { params, headers })).data,
    (answer) => `${count(answer?.retried.length ?? 0, "job")} will run again`,
  );
  const rerun = useChange(
    async (_: null, headers) => (await api.POST("/api/jobs/{job}/rerun", { params, headers })).data,
    "Submitted as a new DAG",
    (answer) => answer && navigate(dagPath(answer)),
  );
  if (!canChange) return null;
  const isOver = job.ended_at !== null;
  return (
    <div className="row">
      {isOver ? null : (
        <Button kind="danger" busy={cancel.isPending} disabled={job.cancel_requested} onClick={() => setAsks(true)}>
          {job.cancel_requested ? "Stopping …" : "Cancel …"}
        </Button>
      )}
      {job.status === "FAILED" || job.status === "CANCELLED" ? (
        <Button
          busy={retry.isPending}
          onClick={() => retry.run(null)}
          title="Run it again, with the jobs cancelled because of it"
        >
          Retry
        </Button>
      ) : null}
      {isOver && job.kind !== "gate" ? (
        <Button
          busy={rerun.isPending}
          onClick={() => rerun.run(null)}
          title="Run again with the same inputs, as a new DAG"
        >
          Rerun
        </Button>
      ) : null}
      {asks ? (
        <ConfirmDialog
          title={`Cancel ${job.name}?`}
          yes="Cancel the job"
          onYes={() => cancel.run(null)}
          onClose={() => setAsks(false)}
        >
          {job.status === "RUNNING" ? "Its process is ended. " : ""}Jobs that wait for it are cancelled too. Retry runs
          them again.
        </ConfirmDialog>
      ) : null}
    </div>
  );
}

/** The attempts of a job; none for a single successful one, which the facts describe. */
export function Attempts({ attempts }: { attempts: readonly Attempt[] }) {
  if (attempts.length === 0) return null;
  if (attempts.length === 1 && (attempts[0]?.outcome ?? "succeeded") === "succeeded") return null;
  return (
    <Part title="Attempts">
      <ol className="panel-attempts">
        {[...attempts].reverse().map((attempt) => (
          <li key={`${attempt.attempt} ${attempt.leased_at}`}>
            <Line attempt={attempt} />
          </li>
        ))}
      </ol>
    </Part>
  );
}

function Line({ attempt }: { attempt: Attempt }) {
  const took = ofNanoseconds(attempt.duration_ns);
  return (
    <>
      <span className="panel-attempt-line">
        <span className="num">{attempt.attempt}</span>
        <Status of={attempt.outcome ?? "RUNNING"} />
        <bdi className="truncate">{attempt.worker}</bdi>
        <span className="soft panel-attempt-duration">
          {attempt.ended_at ? (
            took === null ? (
              NOTHING
            ) : (
              duration(took)
            )
          ) : (
            <Duration from={attempt.started_at} to={null} />
          )}
        </span>
      </span>
      <span className="faint">
        <Time at={attempt.started_at ?? attempt.leased_at} />
        {exitOf(attempt) ? ` · ${exitOf(attempt)}` : null}
        {attempt.peak_memory_bytes === null ? null : ` · ${bytes(attempt.peak_memory_bytes)}`}
        {attempt.error ? <bdi> · {attempt.error}</bdi> : null}
      </span>
    </>
  );
}

const LONGEST_RESULT = 20_000; // characters; `titan` shows the rest

/** The result of the job. */
function JobResult({ job }: { job: Job }) {
  const { data } = useResult(job.job_id, job.result_is_set);
  if (!job.result_is_set || data === undefined) return null;
  const text = resultText(data);
  return (
    <Part title="Result" aside={<CopyButton text={text} />}>
      <pre className="panel-result" dir="auto" tabIndex={0} role="region" aria-label={`Result of ${job.name}`}>
        {text.slice(0, LONGEST_RESULT)}
        {text.length > LONGEST_RESULT ? `\n… ${text.length - LONGEST_RESULT} more characters` : ""}
      </pre>
    </Part>
  );
}

const FIRST_FILES = 10;

/** The files of the job. */
function JobFiles({ job }: { job: Job }) {
  const { data } = useJobFiles(job.job_id);
  const [, change] = useUrl();
  if (!data || data.files.length === 0) return null;
  return (
    <Part title="Files">
      <ul className="panel-files">
        {data.files.slice(0, FIRST_FILES).map((file) => (
          <li key={fileKey(file)}>
            <button
              type="button"
              className="dag-link truncate"
              dir="auto"
              title={file.path}
              onClick={() => change({ view: "files", file: fileKey(file) }, true)}
            >
              {file.path}
            </button>
            <span className="faint num">{bytes(file.size_bytes)}</span>
            {file.digest ? (
              <a href={blobPath(file.digest, file.path)} download aria-label={`Download ${file.path}`}>
                Download
              </a>
            ) : (
              <span className="faint" title={file.reason ?? undefined}>
                not stored
              </span>
            )}
          </li>
        ))}
      </ul>
      {data.files.length > FIRST_FILES ? (
        <button type="button" className="dag-link" onClick={() => change({ view: "files", q: job.name }, true)}>
          All {data.files.length}
        </button>
      ) : null}
    </Part>
  );
}

/** The journal of the job as sentences, latest first. */
function JobHistory({ job }: { job: Job }) {
  const { data } = useJobHistory(job.job_id);
  if (!data || data.length === 0) return null;
  return (
    <Part title="History">
      <ol className="panel-history">
        {[...data].reverse().map((line) => (
          <li key={line.seq}>
            <span className="faint">
              <Time at={line.at} />
            </span>
            <span dir="auto">{line.text}</span>
          </li>
        ))}
      </ol>
    </Part>
  );
}

/** A titled section of the panel. */
export function Part({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="panel-part">
      <div className="panel-part-head">
        <h3>{title}</h3>
        {aside}
      </div>
      {children}
    </section>
  );
}

const BEFORE = '"value":';

/** Returns the value in `{"job_id":…,"is_set":true,"value":…}` without parsing it, which would round numbers. */
export function resultText(answer: string): string {
  const from = answer.indexOf(BEFORE);
  const value = from === -1 ? answer : answer.slice(from + BEFORE.length, answer.lastIndexOf("}")).trim();
  return laidOutJson(value) ?? value;
}
