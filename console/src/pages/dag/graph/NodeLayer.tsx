import { ViewportPortal } from "@xyflow/react";
import { memo } from "react";
import type { Board } from "./board";
import { GroupNode } from "./GroupNode";
import { GateNode, JobNode } from "./JobNode";
import type { Layout } from "./layout";
import type { NodeKind, Shape } from "./shape";

interface Props {
  shape: Shape;
  layout: Layout;
  board: Board;
}

export interface NodeProps {
  id: string;
  board: Board;
  /** Whether the Tab key leads here first; arrow keys go on from there. */
  isFirst: boolean;
}

const KINDS: Record<NodeKind, typeof JobNode> = { job: JobNode, gate: GateNode, group: GroupNode };

/**
 * All nodes, where the layout has them. They are none of React Flow's: its own are measured, watched and told of every
 * move, which for 500 of them takes longer than drawing them, and these neither move nor change their size.
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
