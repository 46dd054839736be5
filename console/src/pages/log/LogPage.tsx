/** The log of one job: header, search, lines and notes. */
import { useQuery } from "@tanstack/react-query";
import { type MouseEvent, useCallback, useEffect, useRef, useState } from "react";
import { Link, useParams } from "react-router";
import { ApiError } from "../../api/apiError";
import { api } from "../../api/client";
import { ofProject } from "../../api/project";
import { useRefetchOn } from "../../api/query";
import type { Job } from "../../api/types";
import { Button } from "../../components/Button";
import { lookOf, Status } from "../../components/badges";
import { EmptyState } from "../../components/EmptyState";
import { bytes, count, duration, ofNanoseconds } from "../../components/format";
import { Page } from "../../components/Page";
import { JobDuration } from "../../components/Time";
import { dagPath, useUrl } from "../../components/url";
import { LogSearchTools, LogTools, lineRangeOf, rangeAfterClick, textOfRange } from "./LogTools";
import { LogView, LongLine } from "./LogView";
import { type LogClient, type LogFacts, NO_FACTS } from "./logClient";
import { barHeight, type LogScroll, useLogScroll } from "./scroll";
import { useLog, useLogSearch } from "./useLog";
import "./log.css";

/** The log of one job, live. */
export function LogPage() {
  const { job: name = "" } = useParams();
  const [url] = useUrl();
  const within = { run: url.get("run"), dag: url.get("dag") };
  const {
    data: job,
    error,
    refetch,
  } = useQuery({
    queryKey: ["log-job", name, within],
    queryFn: async ({ signal }) => {
      const params = { path: { job: name }, query: within };
      return (await api.GET("/api/jobs/{job}", { params, signal })).data ?? null;
    },
  });
  useRefetchOn((event) => event.job_id !== null && event.job_id === job?.job_id, refetch);
  if (job && isWithin(job, within)) return <JobLog key={job.job_id} job={job} />;
  const isUnknown = job || (error instanceof ApiError && error.status === 404);
  return (
    <Page title={name}>
      {isUnknown ? <Unknown within={within} /> : null}
      {error && !isUnknown ? (
        <EmptyState title={error.message}>
          {error instanceof ApiError ? error.problem.next_step : "The page retries when the server responds."}
        </EmptyState>
      ) : null}
    </Page>
  );
}

interface Within {
  run: string | null;
  dag: string | null;
}

/** The server also finds the name elsewhere; here that would be the wrong log. */
function isWithin(job: Job, { run, dag }: Within): boolean {
  return (run === null || job.agent_run_id === run) && (dag === null || job.dag_id === dag);
}

function Unknown({ within: { run, dag } }: { within: Within }) {
  return (
    <EmptyState title={`Job not found${run ? " in this run" : dag ? " in this DAG" : ""}`}>
      <p>
        Its name or id may be mistyped, or it expired with its {run ? "run" : "DAG"}. Look for it in{" "}
        {run ? (
          <Link to={`/agents?open=${encodeURIComponent(run)}`}>the run {run}</Link>
        ) : (
          <Link to="/agents">Agent Runs</Link>
        )}{" "}
        or <Link to="/dags">DAG Pipelines</Link> and open its log from there.
      </p>
    </EmptyState>
  );
}

const FINAL_STATUSES: readonly string[] = ["COMPLETED", "FAILED", "CANCELLED"];

/** The log of a known job; its state is in the URL. */
function JobLog({ job }: { job: Job }) {
  const [url, setUrl] = useUrl();
  const attempt = url.get("attempt");
  const wraps = url.has("wrap");
  const line = url.get("line");
  const chosen = lineRangeOf(line);
  const query = { text: url.get("q") ?? "", isRegex: url.has("re"), matchesCase: url.has("case") };
  const isLive = !FINAL_STATUSES.includes(job.status) && !hasEnded(job, attempt);
  const log = useLog(logUrl(job.job_id, attempt), isLive, () => setUrl({ q: null }));
  const facts = log?.facts ?? NO_FACTS;
  const scroll = useLogScroll(facts.lines, wraps);
  const searching = useLogSearch(log, scroll, query, chosen !== null);
  const [whole, setWhole] = useState<number | null>(null);
  useBegin(scroll, line, facts.lines, isLive || job.status === "FAILED");

  const latest = useRef(chosen);
  latest.current = chosen;
  const onNumber = useCallback(
    (clicked: number, event: MouseEvent) => {
      if (event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      setUrl({ line: textOfRange(rangeAfterClick(latest.current, clicked + 1, event.shiftKey)) });
    },
    [setUrl],
  );

  return (
    <Page
      title={job.name}
      fills
      aside={
        <LogHeader job={job} attempt={attempt} facts={facts} onAttempt={(to) => setUrl({ attempt: to, line: null })} />
      }
    >
      <div className="log card">
        <div className="log-bar">
          <LogSearchTools log={log} query={query} searching={searching} onChange={setUrl} />
          <LogTools log={log} scroll={scroll} chosen={chosen} wraps={wraps} isLive={isLive} onChange={setUrl} />
        </div>
        <div className="log-body">
          {log ? (
            <LogView
              log={log}
              scroll={scroll}
              wraps={wraps}
              chosen={chosen}
              hit={searching.hit?.line ?? null}
              onNumber={onNumber}
              onWhole={setWhole}
            />
          ) : null}
          <LogFoot log={log} job={job} scroll={scroll} isLive={isLive} />
        </div>
      </div>
      {log && whole !== null ? <LongLine log={log} line={whole} onClose={() => setWhole(null)} /> : null}
    </Page>
  );
}

/** Whether the selected attempt has ended: its log does not grow, also while the job is retried. */
function hasEnded(job: Job, attempt: string | null): boolean {
  const chosen = job.attempts?.find((one) => String(one.attempt) === attempt);
  return Boolean(chosen?.outcome);
}

/** Scrolls to the line in the URL, else to the end of live and failed logs; follows changes of `line`. */
function useBegin({ goTo, toEnd }: LogScroll, line: string | null, lines: number, atEnd: boolean): void {
  const shown = useRef<string | null | undefined>(undefined);
  useEffect(() => {
    if (shown.current === line || lines === 0) return;
    const range = lineRangeOf(line);
    if (range && lines < range.from) return; // not loaded yet
    const isFirst = shown.current === undefined;
    shown.current = line;
    if (range) goTo(range.from - 1);
    else if (isFirst && atEnd) toEnd();
  }, [line, lines, atEnd, goTo, toEnd]);
}

interface Props {
  job: Job;
  attempt: string | null;
  facts: LogFacts;
  onAttempt: (attempt: string | null) => void;
}

/** The header: status, DAG, worker, duration, attempts and download. */
function LogHeader({ job, attempt, facts, onAttempt }: Props) {
  const attempts = job.attempts ?? [];
  return (
    <div className="log-header">
      <Status of={job.status} pulse={job.status === "RUNNING"} />
      <Link
        to={dagPath({ name: job.dag_name, dag_id: job.dag_id }, job.job_id)}
        className="truncate log-dag"
        dir="auto"
      >
        {job.dag_name}
      </Link>
      {job.worker ? (
        <span className="soft truncate" title="Worker">
          on {job.worker}
        </span>
      ) : null}
      {job.started_at ? (
        <span className="soft">
          <JobDuration job={job} />
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

function logUrl(jobId: string, attempt: string | null): string {
  const query = attempt ? `?attempt=${encodeURIComponent(attempt)}` : "";
  return ofProject(`/api/jobs/${encodeURIComponent(jobId)}/log${query}`);
}

interface LogFootProps {
  log: LogClient | null;
  job: Job;
  scroll: LogScroll;
  isLive: boolean;
}

/** Overlays and footer: match map, new lines, progress, notes and empty state. */
function LogFoot({ log, job, scroll, isLive }: LogFootProps) {
  const facts = log?.facts;
  if (!log || !facts) return null;
  const hasBegun = job.status === "RUNNING" || job.started_at !== null;
  const isSettled = !hasBegun || facts.phase === "following" || facts.phase === "ended";
  const isLonger = barHeight(facts.lines) > scroll.viewport.height;
  return (
    <>
      {isLonger && log.found && log.found.count > 0 ? <Spread spread={log.found.spread} /> : null}
      {isSettled && facts.lines === 0 ? <NoOutput job={job} hasBegun={hasBegun} /> : null}
      {isLive && scroll.releasedAt !== null && facts.lines > 0 ? (
        <Button className="log-new" onClick={scroll.toEnd}>
          ↓ {news(facts.lines - scroll.releasedAt, scroll.releasedAt)}
        </Button>
      ) : null}
      <div className="log-foot soft">
        <span>{count(facts.lines, "line")}</span>
        <Notes facts={facts} />
        {log.failure ? <span role="alert">{log.failure.message}</span> : <PhaseWords facts={facts} isLive={isLive} />}
      </div>
    </>
  );
}

function news(lines: number, releasedAt: number): string {
  return releasedAt > 0 && lines > 0 ? count(lines, "new line") : "Go to the end";
}

function Notes({ facts }: { facts: LogFacts }) {
  return (
    <>
      {facts.isBinary ? <span>Contains binary data. Download the log to see every byte.</span> : null}
      {facts.skipped > 0 ? (
        <span>
          The first {bytes(facts.skipped)} are not shown, and line numbers start after them. Download the full log.
        </span>
      ) : null}
    </>
  );
}

function PhaseWords({ facts, isLive }: { facts: LogFacts; isLive: boolean }) {
  if (facts.phase === "loading") {
    return (
      <span className="log-loading">
        <progress value={facts.bytes} max={facts.size - facts.skipped} aria-label="Loaded" />
        {bytes(facts.bytes)} of {bytes(facts.size - facts.skipped)}
      </span>
    );
  }
  if (facts.phase === "broken") return <span>The server does not respond. Retrying …</span>;
  return isLive && facts.phase === "following" ? <span>Live: lines appear as they are written</span> : null;
}

function Spread({ spread }: { spread: Uint8Array }) {
  return (
    <div className="log-match-map" aria-hidden="true">
      {[...spread].map((has, part) =>
        has ? <i key={part} style={{ top: `${(part * 100) / spread.length}%` }} /> : null,
      )}
    </div>
  );
}

function NoOutput({ job, hasBegun }: { job: Job; hasBegun: boolean }) {
  const isOver = job.ended_at !== null;
  return (
    <div className="log-nothing">
      <EmptyState title={hasBegun || isOver ? "No output" : "The job has not started"}>
        {isOver
          ? "The job printed nothing, or its log has expired."
          : hasBegun
            ? "Output appears here as the job prints it."
            : (job.reason ?? "Output appears here as the job prints it.")}
      </EmptyState>
    </div>
  );
}
