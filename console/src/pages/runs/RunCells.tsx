import { memo } from "react";
import { Link } from "react-router";
import type { RunView } from "../../api/recorded";
import { Costs } from "../../parts/Cost";
import { DeterminismScore } from "../../parts/DeterminismScore";
import { Name } from "../../parts/Name";
import { Progress } from "../../parts/Progress";
import { Cell } from "../../parts/RowList";
import { RunBadge } from "../../parts/RunBadge";
import { rate } from "../../parts/rate";
import { Time, Took } from "../../parts/Time";
import { agentPath, runPath } from "../../parts/url";
import { whyFailed } from "../../parts/whyEnded";
import { searchWithin } from "./filter";

const NUMBER = new Intl.NumberFormat("en-US");

interface Props {
  run: RunView;
  /** What the list is searched for. */
  q: string;
  isPicked: boolean;
  onPick: (run: string) => void;
}

/** The cells of a run. Drawn again only when it changed: thousands of them are scrolled past. */
export const RunCells = memo(function RunCells({ run, q, isPicked, onPick }: Props) {
  const { tally } = run;
  const ofActions = tally.calls - tally.replayed;
  return (
    <>
      <Cell className="runs-pick">
        <input
          type="checkbox"
          checked={isPicked}
          aria-label={`Compare ${run.run_id}`}
          title="Choose for comparing (x)"
          onChange={() => onPick(run.run_id)}
        />
      </Cell>
      <Cell className="runs-run">
        <div className="runs-id cut">
          {run.is_pinned ? (
            <span className="runs-pin" role="img" aria-label="Pinned" title="Pinned: kept for ever">
              ★
            </span>
          ) : null}
          <Link to={runPath(run.run_id, null, searchWithin(run, q))} title={run.run_id}>
            <Name of={run.run_id} />
          </Link>
        </div>
        <About run={run} />
      </Cell>
      <Cell className="runs-status">
        <RunBadge run={run} />
        {run.status === "running" ? <Progress of={run.progress} /> : null}
        {run.archived_at ? <span className="faint"> archived</span> : null}
      </Cell>
      <Cell className="runs-actions num">
        <span data-unit={ofActions === 1 ? "action" : "actions"}>{NUMBER.format(ofActions)}</span>
        {tally.replayed > 0 ? <div className="faint">+{NUMBER.format(tally.replayed)} replayed</div> : null}
        {run.lost > 0 ? (
          <div className="runs-lost" title="Its program could not deliver them: what is shown lacks them">
            {NUMBER.format(run.lost)} lost
          </div>
        ) : null}
      </Cell>
      <Cell className="runs-cost num">
        <Costs of={tally} isBrief />
      </Cell>
      <Cell className="runs-rate num">
        <span
          title={`${NUMBER.format(tally.success)} of ${NUMBER.format(tally.attempts)} attempts`}
          data-unit="success"
        >
          {rate(tally.success_rate)}
        </span>
      </Cell>
      <Cell className="runs-determinism num">
        <span data-unit="determinism">
          <DeterminismScore of={run.determinism} />
        </span>
      </Cell>
      <Cell className="runs-took num">
        <Took from={run.started_at} to={run.ended_at} />
      </Cell>
      <Cell className="runs-started num">
        <Time at={run.started_at} />
      </Cell>
      <Cell className="runs-ended num">
        <Time at={run.ended_at} />
      </Cell>
    </>
  );
});

/** Whose run it is, what it is called, and how it broke. */
function About({ run }: { run: RunView }) {
  const why = whyFailed(run);
  return (
    <div className="runs-about faint">
      <Link to={agentPath(run.agent_id)} className="runs-agent cut" title={run.agent_id}>
        <Name of={run.agent_id} />
      </Link>
      {run.name && run.name !== run.agent_id ? (
        <span className="runs-name cut" dir="auto" title={run.name}>
          {run.name}
        </span>
      ) : null}
      {why ? (
        <span className="runs-error cut" dir="auto" title={why}>
          {why}
        </span>
      ) : null}
    </div>
  );
}
