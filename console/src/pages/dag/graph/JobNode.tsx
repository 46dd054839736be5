import { memo } from "react";
import type { Job } from "../../../api/facts";
import { JobTook } from "../../../parts/JobTook";
import { Name } from "../../../parts/Name";
import { lookOf } from "../../../parts/Status";
import { useNodeView } from "./board";
import type { NodeProps } from "./NodeLayer";

/** A job of the graph: its status as colour, glyph and word, its name, and how long it took. */
export const JobNode = memo(function JobNode({ id, board, isFirst }: NodeProps) {
  const { jobs, isChosen, isCritical } = useNodeView(board, id);
  const job = jobs[0];
  if (!job) return null;
  const { tone, glyph, word } = lookOf(job.status);
  return (
    <button
      type="button"
      className={`dag-node tone-${tone}`}
      data-node={id}
      data-status={job.status}
      data-chosen={isChosen || undefined}
      data-critical={isCritical ?? undefined}
      tabIndex={isFirst ? 0 : -1}
      title={job.reason ? `${job.name}\n${job.reason}` : job.name}
    >
      <span className="dag-node-glyph" data-runs={job.status === "RUNNING" || undefined} aria-hidden="true">
        {glyph}
      </span>
      <span className="dag-node-name cut">
        <Name of={job.name} />
      </span>
      <span className="dag-node-foot">
        {word}
        {stoppingWord(job)}
        <span className="dag-node-took">
          <JobTook job={job} />
        </span>
      </span>
    </button>
  );
});

/** A decision of a person: six corners, so that nobody takes it for work. */
export const GateNode = memo(function GateNode({ id, board, isFirst }: NodeProps) {
  const { jobs, isChosen, isCritical } = useNodeView(board, id);
  const job = jobs[0];
  if (!job) return null;
  const { tone, glyph, word } = lookOf(job.decision?.outcome ?? job.status);
  return (
    <button
      type="button"
      className={`dag-gate tone-${tone}`}
      data-node={id}
      data-status={job.status}
      data-chosen={isChosen || undefined}
      data-critical={isCritical ?? undefined}
      tabIndex={isFirst ? 0 : -1}
      title={job.hitl_message ?? job.name}
    >
      <span className="dag-gate-inside">
        <span className="dag-node-name cut">
          <Name of={job.name} />
        </span>
        <span className="dag-node-foot">
          <span aria-hidden="true">{glyph}</span> {word}
          <span className="unseen"> gate</span>
        </span>
      </span>
    </button>
  );
});

function stoppingWord(job: Job): string {
  return job.cancel_requested && job.status === "RUNNING" ? ", stopping" : "";
}
