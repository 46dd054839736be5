import { memo, useCallback, useState } from "react";
import { Link } from "react-router";
import { ALL_RUNS, useRegistry } from "../../api/registry";
import { usePin } from "../../api/run";
import { RUN_STATUSES, type RunView } from "../../api/types";
import { Status } from "../../components/badges";
import { newClient } from "../../components/command";
import { EmptyState, NoRowsNotice } from "../../components/EmptyState";
import { OriginControl, originIn, SearchField, StatusFilter } from "../../components/fields";
import { Name } from "../../components/links";
import { Page } from "../../components/Page";
import { iterationOf, StageChain } from "../../components/StageChain";
import { Duration, Time } from "../../components/Time";
import { chosenAmong, chosenIn, runPath, toggled, toggledAmong, useUrl } from "../../components/url";
import { Cell, VirtualTable } from "../../components/VirtualTable";
import { CancelRun, ResumeRun, type RunAction, RunActions } from "./RunDialogs";
import { RunDetails } from "./StageCards";
import "./agents.css";

const STAGED = { window: "all", hasStages: true, withStages: true } as const;
const ROW_HEIGHT = 51; // of a run with one line of stages
function snippet(): string {
  return `from titan_sdk import TitanClient, TitanJob, new_run_id

client = ${newClient(window.location)}
run_id = new_run_id("RESEARCH")  # shared by all stages of this run

client.submit_dag(
    f"{run_id}_PLAN",
    [TitanJob(job_id="plan", filename="plan.py")],
    agent_run_id=run_id,
)`;
}

interface Asked {
  action: RunAction;
  run: RunView;
}

/** The Agent Runs page: runs that submitted DAGs, with their stages in submission order. */
export function AgentsPage() {
  const [query, change] = useUrl();
  const [asked, setAsked] = useState<Asked | null>(null);
  const q = query.get("q") ?? "";
  const status = chosenAmong(query, "status", RUN_STATUSES);
  const open = chosenIn(query, "open");
  const origin = originIn(query);
  const found = useRegistry({ ...ALL_RUNS, ...STAGED, origin, q, status });
  const toggle = useCallback((id: string) => change((now) => toggled(now, "open", id)), [change]);
  const { run: pin } = usePin();
  const ask = useCallback(
    (action: RunAction, run: RunView) => (action === "pin" ? pin(run) : setAsked({ action, run })),
    [pin],
  );
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  return (
    <Page
      title="Agent Runs"
      fills
      aside={
        <div className="row">
          <OriginControl chosen={origin} onChange={change} />
          <StatusFilter
            all={RUN_STATUSES}
            chosen={status}
            onToggle={(one) => change((now) => toggledAmong(now, "status", RUN_STATUSES, one))}
          />
          <SearchField value={q} onChange={(text) => change({ q: text })} label="Run or agent" />
        </div>
      }
    >
      {found.runs.length > 0 ? (
        <VirtualTable
          label="Agent runs"
          rows={found.runs}
          keyOf={(run) => run.run_id}
          columns="var(--agents-columns)"
          rowHeight={ROW_HEIGHT}
          head={<Head />}
          onOpen={(run) => toggle(run.run_id)}
          onToggle={(run) => toggle(run.run_id)}
          details={(run) => (open.includes(run.run_id) ? <RunDetails run={run} /> : null)}
          onEnd={hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : undefined}
          isLoadingMore={isFetchingNextPage}
        >
          {(run) => <RunRow run={run} isOpen={open.includes(run.run_id)} onToggle={toggle} onAction={ask} />}
        </VirtualTable>
      ) : (
        <NoRowsNotice
          found={found}
          word="run"
          onClear={q || status.length ? () => change({ q: null, status: null }) : null}
        >
          <EmptyState title="No agent runs yet" command={snippet()}>
            A run appears here with its first stage. Submit DAGs that share an <code>agent_run_id</code>:
          </EmptyState>
        </NoRowsNotice>
      )}
      {asked?.action === "cancel" ? <CancelRun run={asked.run} onClose={() => setAsked(null)} /> : null}
      {asked?.action === "resume" ? <ResumeRun run={asked.run} onClose={() => setAsked(null)} /> : null}
    </Page>
  );
}

function Head() {
  return (
    <>
      <Cell head>
        <span className="sr-only">Details</span>
      </Cell>
      <Cell head>Run</Cell>
      <Cell head>Stages</Cell>
      <Cell head>Status</Cell>
      <Cell head className="num">
        Duration, started
      </Cell>
      <Cell head>
        <span className="sr-only">Actions</span>
      </Cell>
    </>
  );
}

interface Props {
  run: RunView;
  isOpen: boolean;
  onToggle: (id: string) => void;
  onAction: (action: RunAction, run: RunView) => void;
}

/** The cells of a run, memoized because thousands of them scroll by. */
const RunRow = memo(function RunRow({ run, isOpen, onToggle, onAction }: Props) {
  const stages = run.stages ?? [];
  const id = run.run_id;
  const iteration = iterationOf(stages.map((stage) => stage.label));
  return (
    <>
      <Cell className="agents-fold">
        <button
          type="button"
          className="agents-chevron"
          aria-expanded={isOpen}
          aria-label={`Jobs of ${id}`}
          title={isOpen ? "Hide the jobs (x)" : "Show the jobs (x)"}
          onClick={() => onToggle(id)}
        >
          <span aria-hidden="true">›</span>
        </button>
      </Cell>
      <Cell className="agents-run">
        <div className="agents-id truncate" title={id}>
          <Link to={runPath(id)}>
            <Name of={id} />
          </Link>
        </div>
        <div className="faint truncate">
          <bdi>{run.agent_id}</bdi>
          {iteration === null ? null : ` · iteration ${iteration}`}
        </div>
      </Cell>
      <Cell className="agents-stages">
        <StageChain runId={id} stages={stages} isWhole={isOpen} onUnfold={() => onToggle(id)} />
      </Cell>
      <Cell className="agents-status">
        <Status of={run.status} pulse={run.status === "running"} />
      </Cell>
      <Cell className="agents-time num">
        <div>
          <Duration from={run.started_at} to={run.ended_at} />
        </div>
        <div className="faint">
          <Time at={run.started_at} />
        </div>
      </Cell>
      <Cell className="agents-actions">
        <RunActions run={run} onAction={onAction} />
      </Cell>
    </>
  );
});
