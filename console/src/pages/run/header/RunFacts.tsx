import { Link } from "react-router";
import { useDagOfRun } from "../../../api/dags";
import type { RunView, TallyView } from "../../../api/recorded";
import type { Recording } from "../../../api/recording";
import { CopyButton } from "../../../parts/CopyButton";
import { Costs } from "../../../parts/Cost";
import { count, duration } from "../../../parts/format";
import { Name } from "../../../parts/Name";
import { rate } from "../../../parts/rate";
import { Time, Took } from "../../../parts/Time";
import { agentPath, dagPath } from "../../../parts/url";
import { Fact } from "./Fact";
import { ForkFacts } from "./ForkFacts";
import { ScoresFact } from "./ScoresFact";
import { TapeFact } from "./TapeFact";

const WHOLE = new Intl.NumberFormat("en-US");

interface Props {
  recording: Recording;
  onShow: (action: string) => void;
}

/** The figures of a run. Cost is what was spent; what was attempted, prevented or saved stands beside it. */
export function RunFacts({ recording: { run }, onShow }: Props) {
  const { tally } = run;
  const hasCalls = tally.calls > 0 || !run.has_stages;
  const dag = useDagOfRun(run.run_id, !run.has_stages);
  return (
    <dl className="run-facts">
      <Fact name="Agent">
        <Link className="run-short" to={agentPath(run.agent_id)} title={run.agent_id}>
          <Name of={run.agent_id} />
        </Link>
      </Fact>
      <Fact name="Took">
        {run.duration_ms === null ? <Took from={run.started_at} to={run.ended_at} /> : duration(run.duration_ms)}
      </Fact>
      {run.stage_count === undefined ? null : <StagesFact run={run} />}
      {hasCalls ? <CallFacts of={tally} /> : null}
      <Fact name="Started">
        <Time at={run.started_at} />
      </Fact>
      {run.ended_at ? (
        <Fact name="Ended">
          <Time at={run.ended_at} />
        </Fact>
      ) : null}
      {run.session_id ? (
        <Fact name="Session">
          <Link
            className="run-short"
            to={`/runs?${new URLSearchParams({ session_id: run.session_id, window: "all" })}`}
            title={run.session_id}
          >
            <Name of={run.session_id} />
          </Link>
        </Fact>
      ) : null}
      <ForkFacts run={run} />
      {dag ? (
        <Fact name="Recorded by" title="The submission whose jobs recorded this run">
          <Link className="run-short" to={dagPath(dag)}>
            <Name of={dag.name} />
          </Link>
        </Fact>
      ) : null}
      <Fact name="Run">
        <span className="run-short" title={run.run_id}>
          <Name of={run.run_id} />
        </span>
        <CopyButton text={run.run_id} />
      </Fact>
      <Fact name="Tape">
        <TapeFact key={run.run_id} run={run.run_id} onShow={onShow} />
      </Fact>
      <ScoresFact run={run} />
      {run.tags.length > 0 ? (
        <Fact name="Tags" className="run-tags">
          {run.tags.map((tag) => (
            <Link
              key={tag}
              className="run-tag"
              to={`/runs?${new URLSearchParams({ tag, window: "all" })}`}
              title={`Runs tagged ${tag}`}
            >
              <bdi>{tag}</bdi>
            </Link>
          ))}
        </Fact>
      ) : null}
    </dl>
  );
}

/** How many stages and jobs a run has, and how many of these go on. */
function StagesFact({ run }: { run: RunView }) {
  const live = run.live_job_count ?? 0;
  return (
    <Fact name="Stages">
      {WHOLE.format(run.stage_count ?? 0)}
      <span className="faint"> · {count(run.job_count ?? 0, "job")}</span>
      {live > 0 ? <span className="faint"> · {WHOLE.format(live)} live</span> : null}
    </Fact>
  );
}

function CallFacts({ of: tally }: { of: TallyView }) {
  const tokens = tally.input_tokens + tally.output_tokens;
  return (
    <>
      <Fact name="Actions" title={`${WHOLE.format(tally.attempts)} of them were attempts that ended`}>
        {WHOLE.format(tally.calls - tally.replayed)}
        {tally.replayed > 0 ? <span className="faint"> + {WHOLE.format(tally.replayed)} replayed</span> : null}
        {tally.running > 0 ? <span className="faint"> · {WHOLE.format(tally.running)} running</span> : null}
      </Fact>
      <Fact name="Cost">
        <Costs of={tally} />
      </Fact>
      <Fact name="Success" title={`${WHOLE.format(tally.success)} of ${WHOLE.format(tally.attempts)} attempts`}>
        {rate(tally.success_rate)}
      </Fact>
      <Fact
        name="Tokens"
        title={`${WHOLE.format(tally.input_tokens)} input, ${WHOLE.format(tally.output_tokens)} output`}
      >
        {tokens > 0 ? WHOLE.format(tokens) : "–"}
      </Fact>
    </>
  );
}
