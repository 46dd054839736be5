/** The layers of a graph: its nodes and its edges. */

import { ViewportPortal } from "@xyflow/react";
import { memo, useMemo } from "react";
import type { Job } from "../../../api/types";
import { lookOf } from "../../../components/badges";
import { Name } from "../../../components/links";
import { JobDuration } from "../../../components/Time";
import { type Board, useNodeView, useSlowVersion } from "./board";
import type { Layout, Point } from "./layout";
import type { NodeKind, Shape } from "./shape";

/** A job node: status, name and duration. */
const JobNode = memo(function JobNode({ id, board, isFirst }: NodeProps) {
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
      <span className="dag-node-name truncate">
        <Name of={job.name} />
      </span>
      <span className="dag-node-foot">
        {word}
        {stoppingWord(job)}
        <span className="dag-node-duration">
          <JobDuration job={job} />
        </span>
      </span>
    </button>
  );
});

/** A gate node: a hexagon, to distinguish decisions from work. */
const GateNode = memo(function GateNode({ id, board, isFirst }: NodeProps) {
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
        <span className="dag-node-name truncate">
          <Name of={job.name} />
        </span>
        <span className="dag-node-foot">
          <span aria-hidden="true">{glyph}</span> {word}
          <span className="sr-only"> gate</span>
        </span>
      </span>
    </button>
  );
});

function stoppingWord(job: Job): string {
  return job.cancel_requested && job.status === "RUNNING" ? ", stopping" : "";
}

/** A group of identical jobs as one node with status counts; a click expands it. */
const GroupNode = memo(function GroupNode({ id, board, isFirst }: NodeProps) {
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
      title={`${jobs.length} identical jobs: ${words}\nClick to show each.`}
      aria-expanded="false"
    >
      <span className="dag-group-name">
        <span className="truncate" dir="auto">
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
        <span className="sr-only">{words}</span>
        {parts.slice(0, 4).map((part) => (
          <span key={part.status} className={`dag-group-count tone-${lookOf(part.status).tone}`} aria-hidden="true">
            {part.count} {lookOf(part.status).glyph}
          </span>
        ))}
      </span>
    </button>
  );
});

// Most urgent first.
const ORDER = ["FAILED", "WAITING_APPROVAL", "RUNNING", "READY", "WAITING", "CANCELLED", "COMPLETED"];

function statusCounts(jobs: readonly Job[]): { status: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const job of jobs) counts.set(job.status, (counts.get(job.status) ?? 0) + 1);
  return ORDER.flatMap((status) => {
    const count = counts.get(status);
    return count ? [{ status, count }] : [];
  });
}

interface Props {
  shape: Shape;
  layout: Layout;
  board: Board;
}

export interface NodeProps {
  id: string;
  board: Board;
  /** Whether Tab focuses this node; arrow keys move on from it. */
  isFirst: boolean;
}

const KINDS: Record<NodeKind, typeof JobNode> = { job: JobNode, gate: GateNode, group: GroupNode };

/**
 * All nodes. React Flow's own nodes are measured and watched on every move, which takes longer for 500 of them than
 * drawing them; these neither move nor change size.
 */
export const NodeLayer = memo(function NodeLayer({ shape, layout, board }: Props) {
  return (
    <ViewportPortal>
      {shape.nodes.map((node, index) => {
        const place = layout.nodes.get(node.id);
        const Node = KINDS[node.kind];
        if (!place) return null;
        const style = { left: place.x, top: place.y, width: place.width, height: place.height };
        return (
          <div key={node.id} className="dag-place" style={style}>
            <Node id={node.id} board={board} isFirst={index === 0} />
          </div>
        );
      })}
    </ViewportPortal>
  );
});

type EdgeKind = "waiting" | "running" | "done" | "failed" | "critical";
const EDGE_KINDS: readonly EdgeKind[] = ["waiting", "done", "failed", "running", "critical"];

interface EdgeLayerProps {
  shape: Shape;
  layout: Layout;
  board: Board;
}

/** All edges as one path per colour: a thousand elements would cost more than all nodes. */
export const EdgeLayer = memo(function EdgeLayer({ shape, layout, board }: EdgeLayerProps) {
  const version = useSlowVersion(board);
  const curves = useMemo(() => layout.lines.map(curveOf), [layout]);
  const paths = useMemo(() => {
    const parts: Record<EdgeKind, string[]> = { waiting: [], running: [], done: [], failed: [], critical: [] };
    if (version < 0) return parts;
    for (const [index, edge] of shape.edges.entries()) {
      parts[kindOf(board, edge.from, edge.to)].push(curves[index] ?? "");
    }
    return parts;
  }, [shape, curves, board, version]);
  return (
    <ViewportPortal>
      <svg className="dag-edges" aria-hidden="true">
        {EDGE_KINDS.map((kind) =>
          paths[kind].length > 0 ? <path key={kind} className={`dag-edge-${kind}`} d={paths[kind].join("")} /> : null,
        )}
      </svg>
    </ViewportPortal>
  );
});

function kindOf(board: Board, from: string, to: string): EdgeKind {
  const parent = board.view(from);
  if (parent.isCritical && board.view(to).isCritical) return "critical";
  const { jobs } = parent;
  if (jobs.some((job) => job.status === "FAILED")) return "failed";
  if (jobs.length > 0 && jobs.every((job) => job.status === "COMPLETED")) return "done";
  return jobs.some((job) => job.status === "RUNNING") ? "running" : "waiting";
}

/** S-curves between columns, straight lines within a column. */
function curveOf(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${first.x} ${first.y}`;
  let from = first;
  for (const [index, to] of rest.entries()) {
    const middle = (from.x + to.x) / 2;
    path += index % 2 === 0 ? `C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}` : `H${to.x}`;
    from = to;
  }
  return path;
}
