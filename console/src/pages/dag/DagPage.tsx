import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { ApiError } from "../../api/apiError";
import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import { useDag, useDags } from "../../api/dags";
import { useRefetchOn } from "../../api/query";
import { useCanChange } from "../../api/session";
import { type Counts, type Dag, finalCount } from "../../api/types";
import { Button } from "../../components/Button";
import { lookOf, Status } from "../../components/badges";
import { ConfirmDialog } from "../../components/Dialog";
import { EmptyState, ErrorNotice } from "../../components/EmptyState";
import { count } from "../../components/format";
import { Name } from "../../components/links";
import { Page, Tabs } from "../../components/Page";
import { Duration, Time } from "../../components/Time";
import { dagPath, useUrl } from "../../components/url";
import { GateBanner } from "./GateBanner";
import { GraphTab } from "./graph/GraphTab";
import { JobPanel } from "./JobPanel";
import "./dag.css";

// The graph is what most people open; the other tabs load on demand.
const FilesTab = lazy(async () => ({ default: (await import("./FilesTab")).FilesTab }));
const HistoryTab = lazy(async () => ({ default: (await import("./HistoryTab")).HistoryTab }));
const TimelineTab = lazy(async () => ({ default: (await import("./timeline/TimelineTab")).TimelineTab }));

/** One DAG: graph, timeline, files and history, beside the selected job. */
export function DagPage() {
  const name = nameIn(useParams().dag ?? "");
  const [query] = useUrl();
  const id = query.get("id");
  const { data, error, refetch } = useDag(id ?? name);
  const isUnknown = error instanceof ApiError && error.status === 404;
  useRefetchOn((event) => isUnknown && event.kind === "DagSubmitted", refetch);
  if (data) return <OneDag dag={data} key={data.dag_id} />;
  return (
    <Page title={name}>
      {isUnknown ? (
        <EmptyState title="DAG not found" command="titan dags">
          {id ? "No submission has this id. It may have expired." : "No DAG was submitted under this name."} This page
          shows it as soon as it is submitted. To list all DAGs:
        </EmptyState>
      ) : error ? (
        <ErrorNotice of={error} onRetry={refetch} />
      ) : (
        <p className="faint">Loading …</p>
      )}
    </Page>
  );
}

function OneDag({ dag }: { dag: Dag }) {
  const [query, change] = useUrl();
  const view = viewIn(query.get("view"));
  const chosen = query.get("job");
  const job = chosen === null ? null : (dag.jobs?.find((one) => one.job_id === chosen || one.name === chosen) ?? null);
  const choose = useCallback((jobId: string) => change({ job: jobId }, true), [change]);
  return (
    <main id="main" className="dag" tabIndex={-1}>
      <DagHeader dag={dag} />
      <GateBanner dag={dag} />
      <Tabs
        id="dag-tab"
        tabs={VIEWS}
        names={VIEW_NAMES}
        chosen={view}
        onChange={(next) => change({ view: next === "graph" ? null : next, q: null }, true)}
      />
      <div className="dag-main" data-panel={job ? "" : undefined}>
        <div className="dag-view" role="tabpanel" aria-labelledby={`dag-tab-${view}`}>
          {view === "graph" ? <GraphTab dag={dag} chosen={job?.job_id ?? null} onChoose={choose} /> : null}
          <Suspense fallback={<p className="faint">Loading …</p>}>
            {view === "timeline" ? <TimelineTab dag={dag} chosen={job?.job_id ?? null} onChoose={choose} /> : null}
            {view === "files" ? <FilesTab dag={dag} /> : null}
            {view === "history" ? <HistoryTab dag={dag} onChoose={choose} /> : null}
          </Suspense>
        </div>
        {job ? (
          <JobPanel key={job.job_id} job={job} dag={dag} onChoose={choose} onClose={() => change({ job: null })} />
        ) : null}
      </div>
    </main>
  );
}

/** The header of a DAG: name, status, counts and buttons. */
function DagHeader({ dag }: { dag: Dag }) {
  useEffect(() => {
    document.title = `${dag.name} · Titan`;
  }, [dag.name]);
  return (
    <header className="dag-header">
      <div className="dag-title">
        <h1 className="whole" dir="auto">
          {dag.name}
        </h1>
        <Status of={dag.status} pulse={dag.status === "RUNNING"} />
      </div>
      <div className="dag-actions row">
        <Submissions dag={dag} />
        <DagActions dag={dag} />
      </div>
      <div className="dag-facts">
        <Pills counts={dag.counts} />
        <span className="soft">
          Submitted <Time at={dag.submitted_at} />
        </span>
        {dag.started_at ? (
          <span className="soft">
            Took <Duration from={dag.started_at} to={dag.ended_at} />
          </span>
        ) : null}
        {dag.agent_run_id ? (
          <span className="soft dag-run">
            Run{" "}
            <Link
              className="truncate"
              to={`/agents?q=${encodeURIComponent(dag.agent_run_id)}`}
              title={dag.agent_run_id}
            >
              <Name of={dag.agent_run_id} />
            </Link>
          </span>
        ) : null}
      </div>
    </header>
  );
}

const PILLS = [
  ["completed", "COMPLETED"],
  ["running", "RUNNING"],
  ["failed", "FAILED"],
  ["waiting_approval", "WAITING_APPROVAL"],
  ["ready", "READY"],
  ["waiting", "WAITING"],
  ["cancelled", "CANCELLED"],
] as const;

/** The job counts by status, as numbers and as a bar. */
function Pills({ counts }: { counts: Counts }) {
  const shown = PILLS.filter(([field]) => counts[field] > 0);
  return (
    <div className="dag-pills">
      <span className="dag-bar" aria-hidden="true">
        {shown.map(([field, status]) => (
          <span
            key={field}
            className={`tone-${lookOf(status).tone}`}
            data-status={status}
            style={{ flexGrow: counts[field] }}
          />
        ))}
      </span>
      <ul>
        {shown.map(([field, status]) => {
          const { tone, glyph, word } = lookOf(status);
          return (
            <li key={field} className={`tone-${tone}`}>
              <span aria-hidden="true">{glyph}</span> {counts[field]} {word.toLowerCase()}
            </li>
          );
        })}
        <li className="dag-pills-total">of {counts.total}</li>
      </ul>
    </div>
  );
}

/** The buttons of a DAG: stop, retry, redeploy. */
function DagActions({ dag }: { dag: Dag }) {
  const canChange = useCanChange();
  const navigate = useNavigate();
  const [asks, setAsks] = useState(false);
  const path = { dag: dag.dag_id };
  const stop = useChange(
    async (_: null, headers) => (await api.POST("/api/dags/{dag}/cancel", { params: { path }, headers })).data,
    (answer) =>
      `Stopped: ${count(answer?.cancelled.length ?? 0, "job")} cancelled, ${answer?.stopping.length ?? 0} stopping`,
  );
  const retry = useChange(
    async (_: null, headers) => (await api.POST("/api/dags/{dag}/retry", { params: { path }, headers })).data,
    (answer) => `${count(answer?.retried.length ?? 0, "job")} will run again; ${answer?.kept ?? 0} stay as they are`,
  );
  const redeploy = useChange(
    async (_: null, headers) => (await api.POST("/api/dags/{dag}/redeploy", { params: { path }, headers })).data,
    "Submitted again",
    (answer) => answer && navigate(dagPath(answer)),
  );
  if (!canChange) return null;
  const { counts } = dag;
  const waiting = counts.waiting + counts.ready + counts.waiting_approval;
  return (
    <>
      {dag.is_final ? null : (
        <Button kind="danger" busy={stop.isPending} onClick={() => setAsks(true)}>
          Stop …
        </Button>
      )}
      {counts.failed + counts.cancelled > 0 ? (
        <Button
          busy={retry.isPending}
          onClick={() => retry.run(null)}
          title="Run failed and cancelled jobs again; completed jobs are kept"
        >
          Retry
        </Button>
      ) : null}
      <Button busy={redeploy.isPending} onClick={() => redeploy.run(null)} title="Submit all jobs again, as a new DAG">
        Redeploy
      </Button>
      {asks ? (
        <ConfirmDialog
          title={`Stop ${dag.name}?`}
          yes="Stop the DAG"
          onYes={() => stop.run(null)}
          onClose={() => setAsks(false)}
        >
          {count(counts.running, "running job")} will be ended and {count(waiting, "waiting job")} cancelled. Completed
          jobs are kept. Retry runs the others again.
        </ConfirmDialog>
      ) : null}
    </>
  );
}

/** A menu of the DAGs with the same name, newest first, and a link to a newer one. */
export function Submissions({ dag }: { dag: Dag }) {
  const [isOpen, setIsOpen] = useState(false);
  const { dags, hasNextPage, fetchNextPage, refetch } = useDags({ name: dag.name }, isOpen);
  useEffect(() => {
    if (isOpen) void refetch(); // their counts were not updated while closed
  }, [isOpen, refetch]);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    function onPointer(event: PointerEvent): void {
      if (!box.current?.contains(event.target as Node)) setIsOpen(false);
    }
    window.addEventListener("pointerdown", onPointer);
    return () => window.removeEventListener("pointerdown", onPointer);
  }, [isOpen]);
  const newest = dags[0];
  if (!newest || (dags.length === 1 && newest.dag_id === dag.dag_id)) return null;
  const at = dags.findIndex((one) => one.dag_id === dag.dag_id);
  return (
    <>
      {newest.dag_id !== dag.dag_id && at !== -1 ? (
        <Link to={dagPath(newest)} className="dag-newer">
          Newer submission
        </Link>
      ) : null}
      <div
        ref={box}
        className="dag-menu"
        role="group"
        aria-label="Submissions"
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !isOpen) return;
          setIsOpen(false);
          event.stopPropagation();
          box.current?.querySelector("button")?.focus();
        }}
      >
        <button type="button" className="button button-plain" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {hasNextPage ? `${dags.length}+` : dags.length} submissions <span aria-hidden="true">▾</span>
        </button>
        {isOpen ? (
          <ul className="dag-menu-list card" aria-label={`Submissions of ${dag.name}`}>
            {dags.map((one) => (
              <li key={one.dag_id}>
                <Link
                  to={dagPath(one)}
                  aria-current={one.dag_id === dag.dag_id ? "page" : undefined}
                  onClick={() => setIsOpen(false)}
                >
                  <Status of={one.status} />
                  <Time at={one.submitted_at} />
                  <span className="faint">
                    {finalCount(one.counts)}/{one.counts.total}
                  </span>
                </Link>
              </li>
            ))}
            {hasNextPage ? (
              <li>
                <button type="button" className="button button-quiet" onClick={() => void fetchNextPage()}>
                  Earlier submissions
                </button>
              </li>
            ) : null}
          </ul>
        ) : null}
      </div>
    </>
  );
}

const VIEWS = ["graph", "timeline", "files", "history"] as const;
export type View = (typeof VIEWS)[number];
const VIEW_NAMES: Record<View, string> = {
  graph: "Graph",
  timeline: "Timeline",
  files: "Files",
  history: "History",
};

/** Returns the name in a path such as `DAG-nightly`; the prefix is optional. */
export function nameIn(segment: string): string {
  return segment.startsWith("DAG-") ? segment.slice(4) : segment;
}

export function viewIn(text: string | null): View {
  return VIEWS.find((view) => view === text) ?? "graph";
}
