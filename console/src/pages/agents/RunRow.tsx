import { memo } from "react";
import { Link } from "react-router";
import type { RunView } from "../../api/recorded";
import { Name } from "../../parts/Name";
import { Cell } from "../../parts/RowList";
import { StageChain } from "../../parts/StageChain";
import { Status } from "../../parts/Status";
import { iterationOf, stageLabels } from "../../parts/stages";
import { Time, Took } from "../../parts/Time";
import { runPath } from "../../parts/url";
import { type Act, RunActions } from "./RunActions";

interface Props {
  run: RunView;
  isOpen: boolean;
  onToggle: (id: string) => void;
  onAct: (act: Act, run: RunView) => void;
}

/** The cells of a run. Drawn again only when the run changed: thousands of them are scrolled past. */
export const RunRow = memo(function RunRow({ run, isOpen, onToggle, onAct }: Props) {
  const stages = run.stages ?? [];
  const id = run.run_id;
  const iteration = iterationOf(
    stageLabels(
      id,
      stages.map((stage) => stage.name),
    ),
  );
  return (
    <>
      <Cell className="agents-fold">
        <button
          type="button"
          className="agents-chevron"
          aria-expanded={isOpen}
          aria-label={`Jobs of ${id}`}
          title={isOpen ? "Hide its jobs (x)" : "Show its jobs (x)"}
          onClick={() => onToggle(id)}
        >
          <span aria-hidden="true">›</span>
        </button>
      </Cell>
      <Cell className="agents-run">
        <div className="agents-id cut" title={id}>
          <Link to={runPath(id)}>
            <Name of={id} />
          </Link>
        </div>
        <div className="faint cut">
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
          <Took from={run.started_at} to={run.ended_at} />
        </div>
        <div className="faint">
          <Time at={run.started_at} />
        </div>
      </Cell>
      <Cell className="agents-actions">
        <RunActions run={run} onAct={onAct} />
      </Cell>
    </>
  );
});
