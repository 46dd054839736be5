import { useCallback, useState } from "react";
import { RUN_STATUSES } from "../../api/facts";
import { usePin } from "../../api/pin";
import type { RunView } from "../../api/recorded";
import { useRegistry } from "../../api/registry";
import { ALL_RUNS } from "../../api/registryFilter";
import { newClient } from "../../parts/command";
import { Empty } from "../../parts/Empty";
import { NoRows } from "../../parts/NoRows";
import { Page } from "../../parts/Page";
import { Cell, RowList } from "../../parts/RowList";
import { SearchField } from "../../parts/SearchField";
import { StatusFilter } from "../../parts/StatusFilter";
import { chosenAmong, chosenIn, toggled, toggledAmong, useUrl } from "../../parts/url";
import { CancelRun } from "./CancelRun";
import { ResumeRun } from "./ResumeRun";
import type { Act } from "./RunActions";
import { RunDetails } from "./RunDetails";
import { RunRow } from "./RunRow";
import "./agents.css";

const STAGED = { window: "all", hasStages: true, withStages: true } as const;
const ROW_HEIGHT = 51; // of a run whose stages fit into one line
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
  act: Act;
  run: RunView;
}

/** Agent Runs: the runs that submitted DAGs, one row for each, its stages from left to right as they were submitted. */
export function AgentsPage() {
  const [query, change] = useUrl();
  const [asked, setAsked] = useState<Asked | null>(null);
  const q = query.get("q") ?? "";
  const status = chosenAmong(query, "status", RUN_STATUSES);
  const open = chosenIn(query, "open");
  const found = useRegistry({ ...ALL_RUNS, ...STAGED, q, status });
  const toggle = useCallback((id: string) => change((now) => toggled(now, "open", id)), [change]);
  const { run: pin } = usePin();
  const ask = useCallback((act: Act, run: RunView) => (act === "pin" ? pin(run) : setAsked({ act, run })), [pin]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  return (
    <Page
      title="Agent Runs"
      fills
      aside={
        <div className="row">
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
        <RowList
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
          {(run) => <RunRow run={run} isOpen={open.includes(run.run_id)} onToggle={toggle} onAct={ask} />}
        </RowList>
      ) : (
        <NoRows found={found} word="run" onClear={q || status.length ? () => change({ q: null, status: null }) : null}>
          <Empty title="No agent has run yet" command={snippet()}>
            A run appears here with its first stage: submit DAGs that share an <code>agent_run_id</code>.
          </Empty>
        </NoRows>
      )}
      {asked?.act === "cancel" ? <CancelRun run={asked.run} onClose={() => setAsked(null)} /> : null}
      {asked?.act === "resume" ? <ResumeRun run={asked.run} onClose={() => setAsked(null)} /> : null}
    </Page>
  );
}

function Head() {
  return (
    <>
      <Cell head>
        <span className="unseen">Details</span>
      </Cell>
      <Cell head>Run</Cell>
      <Cell head>Stages, as submitted</Cell>
      <Cell head>Status</Cell>
      <Cell head className="num">
        Took, since
      </Cell>
      <Cell head>
        <span className="unseen">Actions</span>
      </Cell>
    </>
  );
}
