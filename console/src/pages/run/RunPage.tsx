import { lazy, Suspense, useCallback, useEffect, useMemo, useRef } from "react";
import { Link } from "react-router";
import { ApiError } from "../../api/apiError";
import { useDagOfRun } from "../../api/dags";
import type { Recording, Row } from "../../api/recording";
import { useStartReplay } from "../../api/replays";
import { useRecording } from "../../api/run";
import { useCanChange } from "../../api/session";
import { EmptyState, ErrorNotice } from "../../components/EmptyState";
import { isTyping } from "../../components/keyboard";
import { ServerText } from "../../components/links";
import { Page, Tabs } from "../../components/Page";
import { useIdInPath, useUrl } from "../../components/url";
import { RunHeader } from "./header/RunHeader";
import { Inspector } from "./inspector/Inspector";
import { TAB_NAMES, type Tab, tabIn, tabsOf, wordsIn } from "./runDisplay";
import { TelemetryTab } from "./telemetry/TelemetryTab";
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
        <EmptyState title={isUnknown(error) ? "Run not found" : "This run is part of another run"}>
          {isUnknown(error) ? (
            <>
              Nothing is recorded under this id, or the run was deleted. This page shows it as soon as something is
              reported. <Link to="/runs">All runs</Link>
            </>
          ) : (
            <>
              It is {error.problem.found}. <ServerText text={error.problem.next_step} />
            </>
          )}
        </EmptyState>
      ) : error ? (
        <ErrorNotice of={error} again={refetch} />
      ) : (
        <p className="faint">Loading …</p>
      )}
    </Page>
  );
}

/** Whether the server has no such run, or no longer: what was read of it before is not shown as if it were there. */
function isGone(error: Error | null): error is ApiError {
  return error instanceof ApiError && error.status === 404;
}

/** Else it was a call of the model endpoint, which has gone to the run that it belongs to. */
function isUnknown(refusal: ApiError): boolean {
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
            <p className="run-notice soft" role="status">
              This run has no stages: it submitted no DAGs. Its calls are shown instead.
            </p>
          ) : null}
          {tab === "telemetry" ? (
            <TelemetryTab recording={recording} words={words} chosen={chosen?.id ?? null} onChoose={choose} />
          ) : null}
          <Suspense fallback={<p className="faint">Loading …</p>}>
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

interface Props {
  hasStages: boolean;
  hasActions: boolean;
  tab: Tab;
  onChange: (tab: Tab) => void;
}

/** The views of a run. */
function RunTabs({ hasStages, hasActions, tab, onChange }: Props) {
  return <Tabs id="run-tab" tabs={tabsOf(hasStages, hasActions)} names={TAB_NAMES} chosen={tab} onChange={onChange} />;
}

const TABS: Record<string, Tab> = { t: "telemetry", s: "simulation", d: "determinism" };
const SEQUENCE_MS = 1200; // after `g` a letter names a page of the console, and no tab

/** The keys of a run's page: a letter for a tab, and `r` to simulate a replay. */
function useRunKeys(open: (tab: Tab) => void, simulate: () => void): void {
  const latest = useRef({ open, simulate });
  latest.current = { open, simulate };
  useEffect(() => {
    let wentAt = Number.NEGATIVE_INFINITY;
    function onKey(event: KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const isOfSequence = performance.now() - wentAt < SEQUENCE_MS;
      wentAt = event.key === "g" ? performance.now() : Number.NEGATIVE_INFINITY;
      const tab = TABS[event.key];
      if (isOfSequence) return;
      if (tab) latest.current.open(tab);
      else if (event.key === "r") latest.current.simulate();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
