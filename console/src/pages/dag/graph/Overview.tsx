import { useReactFlow, useStore } from "@xyflow/react";
import { memo, type PointerEvent, useMemo } from "react";
import { lookOf } from "../../../parts/Status";
import type { Board } from "./board";
import type { Layout } from "./layout";
import type { Shape } from "./shape";
import { useSlowVersion } from "./useSlowVersion";

interface Props {
  shape: Shape;
  layout: Layout;
  board: Board;
}

/** The whole graph in a corner, and which part of it is in sight; a press or a drag leads elsewhere. */
export function Overview({ shape, layout, board }: Props) {
  const flow = useReactFlow();
  const margin = Math.max(layout.width, layout.height) * 0.06 + 40;
  function go(event: PointerEvent<SVGSVGElement>): void {
    if (event.buttons === 0) return;
    const matrix = event.currentTarget.getScreenCTM();
    if (!matrix) return;
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    void flow.setCenter(x, y, { zoom: flow.getZoom() });
  }
  return (
    <svg
      className="dag-overview"
      viewBox={`${-margin} ${-margin} ${layout.width + 2 * margin} ${layout.height + 2 * margin}`}
      aria-hidden="true"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        go(event);
      }}
      onPointerMove={go}
    >
      <Marks shape={shape} layout={layout} board={board} />
      <InSight />
    </svg>
  );
}

/** The nodes, as one path for each colour. */
const Marks = memo(function Marks({ shape, layout, board }: Props) {
  const version = useSlowVersion(board);
  const paths = useMemo(() => {
    const parts = new Map<string, string>();
    if (version < 0) return parts;
    for (const node of shape.nodes) {
      const place = layout.nodes.get(node.id);
      if (!place) continue;
      const { tone } = lookOf(worstOf(board, node.id));
      const box = `M${place.x} ${place.y}h${place.width}v${place.height}h${-place.width}z`;
      parts.set(tone, (parts.get(tone) ?? "") + box);
    }
    return parts;
  }, [shape, layout, board, version]);
  return [...paths].map(([tone, d]) => <path key={tone} className={`dag-mini tone-${tone}`} d={d} />);
});

function worstOf(board: Board, id: string): string {
  const { jobs } = board.view(id);
  for (const status of ["FAILED", "WAITING_APPROVAL", "RUNNING"]) {
    if (jobs.some((job) => job.status === status)) return status;
  }
  return jobs[0]?.status ?? "WAITING";
}

function InSight() {
  const [x, y, zoom] = useStore((state) => state.transform);
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  return <rect className="dag-in-sight" x={-x / zoom} y={-y / zoom} width={width / zoom} height={height / zoom} />;
}
