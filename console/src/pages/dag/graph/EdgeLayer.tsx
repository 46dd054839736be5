import { ViewportPortal } from "@xyflow/react";
import { memo, useMemo } from "react";
import type { Board } from "./board";
import type { Layout, Point } from "./layout";
import type { Shape } from "./shape";
import { useSlowVersion } from "./useSlowVersion";

type Kind = "waiting" | "running" | "done" | "failed" | "critical";
const KINDS: readonly Kind[] = ["waiting", "done", "failed", "running", "critical"];

interface Props {
  shape: Shape;
  layout: Layout;
  board: Board;
}

/** All edges, as one path for each colour: a thousand elements of their own would cost more than all nodes. */
export const EdgeLayer = memo(function EdgeLayer({ shape, layout, board }: Props) {
  const version = useSlowVersion(board);
  const curves = useMemo(() => layout.lines.map(curveOf), [layout]);
  const paths = useMemo(() => {
    const parts: Record<Kind, string[]> = { waiting: [], running: [], done: [], failed: [], critical: [] };
    if (version < 0) return parts;
    for (const [index, edge] of shape.edges.entries()) {
      parts[kindOf(board, edge.from, edge.to)].push(curves[index] ?? "");
    }
    return parts;
  }, [shape, curves, board, version]);
  return (
    <ViewportPortal>
      <svg className="dag-edges" aria-hidden="true">
        {KINDS.map((kind) =>
          paths[kind].length > 0 ? <path key={kind} className={`dag-edge-${kind}`} d={paths[kind].join("")} /> : null,
        )}
      </svg>
    </ViewportPortal>
  );
});

function kindOf(board: Board, from: string, to: string): Kind {
  const parent = board.view(from);
  if (parent.isCritical && board.view(to).isCritical) return "critical";
  const { jobs } = parent;
  if (jobs.some((job) => job.status === "FAILED")) return "failed";
  if (jobs.length > 0 && jobs.every((job) => job.status === "COMPLETED")) return "done";
  return jobs.some((job) => job.status === "RUNNING") ? "running" : "waiting";
}

/** Across a gap between columns an S, within a column a straight line. */
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
