import type { ReactNode } from "react";
import { Link } from "react-router";
import {
  isRunning,
  type Replay,
  type ReplayDetail,
  type ReplayMetrics,
  SELF_CHECK,
  useCancelReplay,
  useReplay,
  useReplays,
} from "../../../api/replays";
import { useLatestRuns } from "../../../api/run";
import { useCanChange } from "../../../api/session";
import type { RunView } from "../../../api/types";
import { Button } from "../../../components/Button";
import { EmptyState, ErrorNotice } from "../../../components/EmptyState";
import { count, moment, NOTHING, percent, rate } from "../../../components/format";
import { exactMoney, money } from "../../../components/money";
import { Time, useToday } from "../../../components/Time";
import { useUrl } from "../../../components/url";
import { ComparisonTable } from "./ComparisonTable";
import { Divergences, Findings, ReExecution, ReplayCommand } from "./ReplayResult";
import { LEVELS } from "./terms";
import "./simulation.css";

interface Props {
  run: RunView;
  isStarting: boolean;
  onStart: () => void;
  onShow: (action: string) => void;
}

/** The Simulation tab: starts replays, shows one, lists the others. */
export function SimulationTab({ run, isStarting, onStart, onShow }: Props) {
  const [url, change] = useUrl();
  const { data, error, refetch } = useReplays(run.run_id);
  const replays = data?.data;
  const chosen = replays?.find((one) => one.id === url.get("replay")) ?? replays?.[0];
  return (
    <div className="simulation">
      <SimulateBar run={run} reason={data?.execution_reason} isStarting={isStarting} onStart={onStart} />
      {error && !replays ? <ErrorNotice of={error} onRetry={refetch} /> : null}
      {replays?.length === 0 ? (
        <EmptyState title="This run has not been replayed">
          {data?.execution_reason === null
            ? "Simulate Replay executes its stored code on a worker, in a sandbox, with every call answered from the recording."
            : "Simulate Replay checks whether it can be, or compares it with another run."}{" "}
          It calls nothing and costs nothing.
        </EmptyState>
      ) : null}
      <ReplayCommand run={run.run_id} reason={data?.execution_reason ?? null} />
      {chosen ? <OneReplay key={chosen.id} run={run} replay={chosen} onShow={onShow} /> : null}
      {replays && replays.length > 1 ? (
        <History replays={replays} chosen={chosen?.id ?? null} onChoose={(id) => change({ replay: id })} />
      ) : null}
    </div>
  );
}

function OneReplay({ run, replay, onShow }: { run: RunView; replay: Replay; onShow: (action: string) => void }) {
  const { data, error, refetch } = useReplay(run.run_id, replay);
  const shown = data ?? replay;
  const level = LEVELS[shown.level];
  return (
    <section className="simulation-replay" aria-label="Replay">
      <div className="row">
        <h2>{level.name}</h2>
        <span className="soft">
          {level.does}
          {shown.with_run && shown.level === "compare" ? (
            <>
              ; against <bdi className="mono">{shown.with_run === run.run_id ? shown.run_id : shown.with_run}</bdi>
            </>
          ) : null}
        </span>
      </div>
      {isRunning(shown) ? <RunningReplay run={run.run_id} replay={shown} /> : null}
      {shown.state === "failed" && shown.error ? <ErrorNotice of={shown.error} /> : null}
      {shown.state === "cancelled" ? <p className="soft">Cancelled, no result.</p> : null}
      {shown.metrics ? <Metrics of={shown.metrics} level={shown.level} /> : null}
      {error && !data ? <ErrorNotice of={error} onRetry={refetch} /> : null}
      {data ? <Found replay={data} onShow={onShow} /> : null}
    </section>
  );
}

function Found({ replay, onShow }: { replay: ReplayDetail; onShow: (action: string) => void }) {
  const { self_check: check, comparison, re_execution: execution } = replay.result ?? {};
  return (
    <>
      {comparison ? <p className="simulation-verdict">{comparison.verdict}</p> : null}
      {execution ? <ReExecution of={execution} /> : null}
      {check ? <Findings findings={check.findings} onShow={onShow} /> : null}
      {comparison ? (
        <>
          <Divergences of={comparison.divergences} total={replay.metrics?.divergences ?? 0} />
          <ComparisonTable run={replay.run_id} other={replay.with_run} comparison={comparison} />
        </>
      ) : null}
    </>
  );
}

interface SimulateBarProps {
  run: RunView;
  reason: string | null | undefined; // why no worker can execute the run; undefined while unknown
  isStarting: boolean;
  onStart: () => void;
}

/** Starts a replay of the stored code, of the recording, or against another run. */
function SimulateBar({ run, reason, isStarting, onStart }: SimulateBarProps) {
  const [url, change] = useUrl();
  const today = useToday();
  const { data } = useLatestRuns(run.agent_id);
  const others = data?.filter((other) => other.run_id !== run.run_id) ?? [];
  const against = url.get("against") ?? "";
  const isListed = against === "" || against === SELF_CHECK || others.some((other) => other.run_id === against);
  return (
    <div className="row simulation-bar">
      {useCanChange() ? (
        <>
          <Button kind="main" busy={isStarting} onClick={onStart} title="r">
            Simulate Replay
          </Button>
          <label className="row">
            <span className="soft">against</span>
            <select
              className="field"
              value={against}
              onChange={(event) => change({ against: event.target.value || null })}
            >
              {reason === null ? <option value="">its stored code, executed on a worker</option> : null}
              <option value={reason === null ? SELF_CHECK : ""}>its own recording (self-check)</option>
              {isListed ? null : <option value={against}>{against}</option>}
              {others.map((other) => (
                <option key={other.run_id} value={other.run_id}>
                  {`${other.name ?? other.run_id} · ${other.status} · ${moment(Date.parse(other.started_at), today)}`}
                </option>
              ))}
            </select>
          </label>
        </>
      ) : (
        <span className="soft">Only an administrator starts replays.</span>
      )}
      <span className="faint simulation-levels">
        <Link to="/help/replay">Help</Link>
      </span>
    </div>
  );
}

/** The progress of a replay, with a cancel button. */
function RunningReplay({ run, replay }: { run: string; replay: Replay }) {
  const cancel = useCancelReplay(run);
  const share = replay.progress;
  return (
    <div className="row" role="status">
      {share === null ? (
        <progress className="progress" aria-label="Running" />
      ) : (
        <progress className="progress" max={1} value={share} aria-label={`${percent(share)} of the actions are read`} />
      )}
      <span className="soft">
        {replay.step ?? (share === null ? "Waiting …" : `${percent(share)} of the actions are read`)}
      </span>
      {useCanChange() ? (
        <Button busy={cancel.isPending} onClick={() => cancel.run(replay.id)}>
          Cancel
        </Button>
      ) : null}
    </div>
  );
}

interface HistoryProps {
  replays: readonly Replay[];
  chosen: string | null;
  onChoose: (id: string) => void;
}

/** The replays of the run, newest first. */
function History({ replays, chosen, onChoose }: HistoryProps) {
  return (
    <section className="simulation-history">
      <h3>History</h3>
      <ul>
        {replays.map((one) => (
          <li key={one.id}>
            <button type="button" aria-current={one.id === chosen || undefined} onClick={() => onChoose(one.id)}>
              <span>{LEVELS[one.level].name}</span>
              <span>{outcomeOf(one)}</span>
              <bdi className="faint truncate">{one.author}</bdi>
              <span className="faint">
                <Time at={one.created_at} />
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function outcomeOf({ state, metrics, level }: Replay): string {
  if (state !== "completed" || !metrics) return state;
  if (level === "self_check") return metrics.is_available ? "can be replayed" : "not available";
  const found = count(metrics.divergences ?? 0, "divergence");
  return typeof metrics.match_rate === "number" ? `${found}, ${rate(metrics.match_rate)} match` : found;
}

const WHOLE = new Intl.NumberFormat("en-US");

/** The metrics of a replay: cost, savings, divergences, match rate. */
function Metrics({ of, level }: { of: ReplayMetrics; level: Replay["level"] }) {
  const isCheck = level === "self_check";
  return (
    <>
      <dl className="simulation-metrics">
        <Tile name="Original cost">
          <Usd of={of.original_cost_usd} />
        </Tile>
        <Tile name="Replay cost">
          <Usd of={isCheck ? (of.is_available ? "0" : null) : of.replay_cost_usd} />
        </Tile>
        <Tile name="Savings">
          <Usd of={isCheck ? (of.is_available ? of.original_cost_usd : null) : of.savings_usd} />
        </Tile>
        {isCheck ? (
          <Tile name="Replayable calls">
            {WHOLE.format(of.replayable ?? 0)} of {WHOLE.format(of.calls ?? 0)}
          </Tile>
        ) : (
          <>
            <Tile name="Divergences" tone={of.divergences ? "bad" : "good"}>
              {of.divergences === null || of.divergences === undefined ? NOTHING : WHOLE.format(of.divergences)}
            </Tile>
            <Tile name="Match rate" tone={of.match_rate === 1 ? "good" : undefined}>
              {rate(of.match_rate)}
            </Tile>
          </>
        )}
      </dl>
      {of.uncompared ? (
        <p className="soft">
          {WHOLE.format(of.uncompared)} of {WHOLE.format(of.calls ?? 0)} calls match by name alone: one run has no
          inputs or outputs of them.
        </p>
      ) : null}
    </>
  );
}

function Tile({ name, tone, children }: { name: string; tone?: "good" | "bad" | undefined; children: ReactNode }) {
  return (
    <div className="card" data-tone={tone}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Usd({ of }: { of: string | null | undefined }) {
  return <span title={exactMoney(of)}>{money(of)}</span>;
}
