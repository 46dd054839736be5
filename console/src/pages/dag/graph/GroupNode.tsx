import { memo } from "react";
import type { Job } from "../../../api/facts";
import { lookOf } from "../../../parts/Status";
import { useNodeView } from "./board";
import type { NodeProps } from "./NodeLayer";

/** Equal siblings as one node: how many they are, and how they stand; a click shows each. */
export const GroupNode = memo(function GroupNode({ id, board, isFirst }: NodeProps) {
  const { jobs, isChosen, isCritical } = useNodeView(board, id);
  const first = jobs[0];
  if (!first) return null;
  const parts = statusCounts(jobs);
  const { tone } = lookOf(parts[0]?.status ?? "WAITING");
  const words = parts.map((part) => `${part.count} ${lookOf(part.status).word.toLowerCase()}`).join(", ");
  return (
    <button
      type="button"
      className={`dag-group tone-${tone}`}
      data-node={id}
      data-chosen={isChosen || undefined}
      data-critical={isCritical ?? undefined}
      tabIndex={isFirst ? 0 : -1}
      title={`${jobs.length} equal jobs: ${words}\nA click shows each.`}
      aria-expanded="false"
    >
      <span className="dag-group-name">
        <span className="cut" dir="auto">
          {first.name} …
        </span>
        <strong>×{jobs.length}</strong>
      </span>
      <span className="dag-group-bar" aria-hidden="true">
        {parts.map((part) => (
          <span
            key={part.status}
            className={`tone-${lookOf(part.status).tone}`}
            data-status={part.status}
            style={{ flexGrow: part.count }}
          />
        ))}
      </span>
      <span className="dag-node-foot">
        <span className="unseen">{words}</span>
        {parts.slice(0, 4).map((part) => (
          <span key={part.status} className={`dag-group-count tone-${lookOf(part.status).tone}`} aria-hidden="true">
            {part.count} {lookOf(part.status).glyph}
          </span>
        ))}
      </span>
    </button>
  );
});

// What needs a look first, then what is under way, then what is over.
const ORDER = ["FAILED", "WAITING_APPROVAL", "RUNNING", "READY", "WAITING", "CANCELLED", "COMPLETED"];

function statusCounts(jobs: readonly Job[]): { status: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const job of jobs) counts.set(job.status, (counts.get(job.status) ?? 0) + 1);
  return ORDER.flatMap((status) => {
    const count = counts.get(status);
    return count ? [{ status, count }] : [];
  });
}
