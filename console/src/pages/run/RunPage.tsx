import { lazy, Suspense, useCallback, useMemo, useRef } from "react";
import { Link } from "react-router";
import { ApiError } from "../../api/apiError";
import { useDagOfRun } from "../../api/dags";
import type { Recording, Row } from "../../api/recording";
import { useStartReplay } from "../../api/replays";
import { useRecording } from "../../api/run";
import { useCanChange } from "../../api/session";
import { EmptyState, ErrorNotice } from "../../components/EmptyState";
import { usePageKeys } from "../../components/keyboard";
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

/** The page of a run: header, tabs and the selected action. */
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
        <ErrorNotice of={error} onRetry={refetch} />
      ) : (
        <p className="faint">Loading …</p>
      )}
    </Page>
  );
}

/** Whether the run does not exist any more: its old data is not shown. */
function isGone(error: Error | null): error is ApiError {
  return error instanceof ApiError && error.status === 404;
}

/** A model-endpoint call that belongs to another run has a different `found`. */
function isUnknown(refusal: ApiError): boolean {
  return refusal.problem.found === "no such name";
}

function OneRun({ recording }: { recording: Recording }) {
  const { run, rows } = recording;
  const [url, change] = useUrl();
  const own = useDagOfRun(run.run_id, !run.has_stages);
  const isUndecided = !run.has_stages && own === undefined; // then trust a link to the stages
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

function RunTabs({ hasStages, hasActions, tab, onChange }: Props) {
  return <Tabs id="run-tab" tabs={tabsOf(hasStages, hasActions)} names={TAB_NAMES} chosen={tab} onChange={onChange} />;
}

const TABS: Record<string, Tab> = { t: "telemetry", s: "simulation", d: "determinism" };
const SEQUENCE_MS = 1200; // after `g` a letter opens a page, not a tab

/** The keys of a run's page: a letter for each tab, `r` to replay. */
function useRunKeys(open: (tab: Tab) => void, simulate: () => void): void {
  const wentAt = useRef(Number.NEGATIVE_INFINITY);
  usePageKeys(({ key }) => {
    const isOfSequence = performance.now() - wentAt.current < SEQUENCE_MS;
    wentAt.current = key === "g" ? performance.now() : Number.NEGATIVE_INFINITY;
    const tab = TABS[key];
    if (isOfSequence) return;
    if (tab) open(tab);
    else if (key === "r") simulate();
  });
}
