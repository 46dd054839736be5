import { lazy, Suspense, useCallback, useMemo } from "react";
import { Link } from "react-router";
import { useDagOfRun } from "../../api/dags";
import { useRecording } from "../../api/recordedRun";
import type { Recording, Row } from "../../api/recording";
import { Refusal } from "../../api/refusal";
import { useStartReplay } from "../../api/replays";
import { useCanChange } from "../../api/session";
import { Empty } from "../../parts/Empty";
import { Failure } from "../../parts/Failure";
import { Linked } from "../../parts/Linked";
import { Page } from "../../parts/Page";
import { useIdInPath, useUrl } from "../../parts/url";
import { RunHeader } from "./header/RunHeader";
import { Inspector } from "./inspector/Inspector";
import { RunTabs } from "./RunTabs";
import { tabIn, wordsIn } from "./runPage";
import { TelemetryTab } from "./telemetry/TelemetryTab";
import { useRunKeys } from "./useRunKeys";
import "./run.css";

const DeterminismTab = lazy(async () => ({ default: (await import("./determinism/DeterminismTab")).DeterminismTab }));
const StagesTab = lazy(async () => ({ default: (await import("./StagesTab")).StagesTab }));
const SimulationTab = lazy(async () => ({ default: (await import("./simulation/SimulationTab")).SimulationTab }));
const TraceTab = lazy(async () => ({ default: (await import("./trace/TraceTab")).TraceTab }));

/** One run: how it fares, its calls, their tree and times, its stages; beside them the action somebody opened. */
export function RunPage() {
  const id = useIdInPath();
  const { data, error, refetch } = useRecording(id);
  if (data && !isGone(error)) return <OneRun key={id} recording={data} />;
  return (
    <Page title={id}>
      {isGone(error) ? (
        <Empty title={isUnknown(error) ? "There is no such run" : "What was here is in another run"}>
          {isUnknown(error) ? (
            <>
              No DAG was submitted and nothing was recorded under this id, or it was deleted. This page shows it as soon
              as something is reported for it. <Link to="/runs">All runs</Link>
            </>
          ) : (
            <>
              It is {error.problem.found}. <Linked text={error.problem.next_step} />
            </>
          )}
        </Empty>
      ) : error ? (
        <Failure of={error} again={refetch} />
      ) : (
        <p className="faint">Reading …</p>
      )}
    </Page>
  );
}

/** Whether the server has no such run, or no longer: what was read of it before is not shown as if it were there. */
function isGone(error: Error | null): error is Refusal {
  return error instanceof Refusal && error.status === 404;
}

/** Else it was a call of the model endpoint, which has gone to the run that it belongs to. */
function isUnknown(refusal: Refusal): boolean {
  return refusal.problem.found === "none such";
}

function OneRun({ recording }: { recording: Recording }) {
  const { run, rows } = recording;
  const [url, change] = useUrl();
  const own = useDagOfRun(run.run_id, !run.has_stages);
  const isUndecided = !run.has_stages && own === undefined; // then a link to the stages is believed
  const hasStages = run.has_stages || Boolean(own) || (isUndecided && url.get("tab") === "stages");
  const tab = tabIn(url.get("tab"), hasStages, rows.length > 0);
  const q = url.get("q") ?? "";
  const words = useMemo(() => wordsIn(q), [q]);
  const chosen = useMemo(() => chosenRow(rows, url.get("action")), [rows, url]);
  const choose = useCallback((id: string | null) => change({ action: id }), [change]);
  const open = useCallback((next: string) => change({ tab: next }, true), [change]);
  const start = useStartReplay(run.run_id, (replay) => change({ tab: "simulation", replay: replay.id }));
  const simulate = useCallback(() => start.run(url.get("against")), [start, url]);
  const canChange = useCanChange();
  useRunKeys(open, () => (canChange ? simulate() : open("simulation")));
  return (
    <main id="main" className="run" tabIndex={-1}>
      <RunHeader recording={recording} onShow={(id, on = "telemetry") => change({ tab: on, action: id }, true)} />
      <RunTabs hasStages={hasStages} hasActions={rows.length > 0} tab={tab} onChange={open} />
      <div className="run-main" data-panel={chosen && hasPanel(tab) ? "" : undefined}>
        <div className="run-view" role="tabpanel" aria-labelledby={`run-tab-${tab}`}>
          {url.get("tab") === "stages" && !hasStages ? (
            <p className="run-astray soft" role="status">
              This run has no stages, for it submitted no jobs, and no job made it: here are its calls.
            </p>
          ) : null}
          {tab === "telemetry" ? (
            <TelemetryTab recording={recording} words={words} chosen={chosen?.id ?? null} onChoose={choose} />
          ) : null}
          <Suspense fallback={<p className="faint">Reading …</p>}>
            {tab === "trace" ? (
              <TraceTab recording={recording} words={words} chosen={chosen?.id ?? null} onChoose={choose} />
            ) : null}
            {tab === "simulation" ? (
              <SimulationTab
                run={run}
                isStarting={start.isPending}
                onStart={simulate}
                onShow={(id) => change({ tab: "telemetry", action: id }, true)}
              />
            ) : null}
            {tab === "determinism" ? (
              <DeterminismTab
                run={run}
                onShow={(id) => change({ tab: "telemetry", action: id }, true)}
                onSimulate={(replay) => change({ tab: "simulation", replay }, true)}
              />
            ) : null}
            {tab === "stages" ? <StagesTab run={run} own={own ?? null} isUndecided={isUndecided} /> : null}
          </Suspense>
        </div>
        {chosen && hasPanel(tab) ? (
          <Inspector key={chosen.id} run={run} row={chosen} rows={rows} words={words} onChoose={choose} />
        ) : null}
      </div>
    </main>
  );
}

function chosenRow(rows: readonly Row[], id: string | null): Row | null {
  return id === null ? null : (rows.find((row) => row.id === id) ?? null);
}

function hasPanel(tab: string): boolean {
  return tab === "telemetry" || tab === "trace";
}
