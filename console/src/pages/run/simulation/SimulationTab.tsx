import type { RunView } from "../../../api/recorded";
import { isRunning, type Replay, type ReplayDetail, useReplay, useReplays } from "../../../api/replays";
import { Empty } from "../../../parts/Empty";
import { Failure } from "../../../parts/Failure";
import { useUrl } from "../../../parts/url";
import { ComparisonTable } from "./ComparisonTable";
import { Divergences } from "./Divergences";
import { Findings } from "./Findings";
import { History } from "./History";
import { Metrics } from "./Metrics";
import { ReExecution, ReplayCommand } from "./ReExecution";
import { RunningReplay } from "./RunningReplay";
import { SimulateBar } from "./SimulateBar";
import { LEVELS } from "./words";
import "./simulation.css";

interface Props {
  run: RunView;
  isStarting: boolean;
  onStart: () => void;
  onShow: (action: string) => void;
}

/** Replays of a run: starting one, what the chosen one found, and those before. */
export function SimulationTab({ run, isStarting, onStart, onShow }: Props) {
  const [url, change] = useUrl();
  const { data, error, refetch } = useReplays(run.run_id);
  const replays = data?.data;
  const chosen = replays?.find((one) => one.id === url.get("replay")) ?? replays?.[0];
  return (
    <div className="simulation">
      <SimulateBar run={run} reason={data?.execution_reason} isStarting={isStarting} onStart={onStart} />
      {error && !replays ? <Failure of={error} again={refetch} /> : null}
      {replays?.length === 0 ? (
        <Empty title="This run has not been replayed">
          {data?.execution_reason === null
            ? "Simulate Replay executes its stored code on a worker, in a sandbox, with every call answered from the recording."
            : "Simulate Replay checks whether it can be, or compares it with another run."}{" "}
          It calls nothing and costs nothing.
        </Empty>
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
      {shown.state === "failed" && shown.error ? <Failure of={shown.error} /> : null}
      {shown.state === "cancelled" ? <p className="soft">Cancelled: it found nothing.</p> : null}
      {shown.metrics ? <Metrics of={shown.metrics} level={shown.level} /> : null}
      {error && !data ? <Failure of={error} again={refetch} /> : null}
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
