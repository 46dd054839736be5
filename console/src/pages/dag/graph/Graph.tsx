import {
  Controls,
  MiniMap,
  type MiniMapNodeProps,
  type Node,
  type NodeMouseHandler,
  type OnMoveStart,
  ReactFlow,
  type ReactFlowInstance,
  useReactFlow,
  useStore,
} from "@xyflow/react";
import {
  createContext,
  type KeyboardEvent,
  memo,
  type RefObject,
  useCallback,
  useContext,
  useLayoutEffect,
  useMemo,
  useRef,
} from "react";
import { lookOf } from "../../../parts/Status";
import { type Board, useNodeView } from "./board";
import { EdgeLayer } from "./EdgeLayer";
import { GroupNode } from "./GroupNode";
import { GateNode, JobNode } from "./JobNode";
import type { Layout } from "./layout";
import { type Arrow, moved } from "./move";
import type { Shape } from "./shape";
import { FIT, isInside, useViewport } from "./useViewport";
import "@xyflow/react/dist/base.css";

interface Props {
  name: string;
  shape: Shape;
  layout: Layout;
  board: Board;
  /** The job whose panel is open. */
  chosen: string | null;
  onOpen: (nodeId: string) => void;
}

const NODE_TYPES = { job: JobNode, gate: GateNode, siblings: GroupNode };
const NO_EDGES: never[] = []; // they are drawn by EdgeLayer
const FAR_ZOOM = 0.4; // names are 5 px high there
const BoardContext = createContext<Board | null>(null);

/** The drawing itself: pans, zooms, and is walked through with the arrow keys. */
export const Graph = memo(function Graph({ name, shape, layout, board, chosen, onOpen }: Props) {
  const flow = useReactFlow();
  const box = useRef<HTMLDivElement>(null);
  const nodes = useMemo(() => nodesOf(shape, layout, board), [shape, layout, board]);
  const isOwnView = useViewport(box, board, shape, layout, chosen);
  const onNodeClick = useCallback<NodeMouseHandler>((_event, node) => onOpen(node.id), [onOpen]);
  const onMoveStart = useCallback<OnMoveStart>(
    (event) => {
      if (event) isOwnView.current = true; // without one it was us
    },
    [isOwnView],
  );
  function go(to: string | null): void {
    const button = to && box.current?.querySelector<HTMLElement>(`[data-node="${CSS.escape(to)}"]`);
    if (!button) return;
    box.current?.querySelector('[data-node][tabindex="0"]')?.setAttribute("tabindex", "-1");
    button.setAttribute("tabindex", "0");
    button.focus({ preventScroll: true });
    const place = layout.nodes.get(to);
    if (place && !isInside(box.current, to)) {
      const zoom = Math.max(flow.getZoom(), 0.5);
      void flow.setCenter(place.x + place.width / 2, place.y + place.height / 2, { zoom });
    }
  }
  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = (event.target as HTMLElement).closest<HTMLElement>("[data-node]")?.dataset.node;
    const zoom = zooms(event.key, flow);
    if (zoom) void zoom;
    else if (here && event.key.startsWith("Arrow")) go(moved(shape, layout, here, event.key as Arrow));
    else if (here && (event.key === "j" || event.key === "k")) go(neighbour(shape, here, event.key === "j" ? 1 : -1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return (
    <section ref={box} className="dag-graph card" aria-label={`Graph of ${name}`} onKeyDown={onKey}>
      <BoardContext value={board}>
        <ReactFlow
          nodes={nodes}
          edges={NO_EDGES}
          onNodeClick={onNodeClick} // Enter on a node's button is a click too
          nodeTypes={NODE_TYPES}
          onMoveStart={onMoveStart}
          minZoom={0.05}
          maxZoom={2}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          deleteKeyCode={null}
          selectionKeyCode={null}
          multiSelectionKeyCode={null}
          zoomOnDoubleClick={false}
        >
          <Far box={box} />
          <EdgeLayer shape={shape} layout={layout} board={board} />
          <Controls showInteractive={false} fitViewOptions={FIT} />
          <MiniMap pannable zoomable nodeComponent={MiniNode} ariaLabel={`Overview of ${name}`} />
        </ReactFlow>
      </BoardContext>
    </section>
  );
});

/** Says on the box whether the graph is too far away for names to be read. */
function Far({ box }: { box: RefObject<HTMLElement | null> }) {
  const isFar = useStore((state) => state.transform[2] < FAR_ZOOM);
  useLayoutEffect(() => {
    box.current?.toggleAttribute("data-far", isFar);
  }, [box, isFar]);
  return null;
}

function zooms(key: string, flow: ReactFlowInstance): Promise<boolean> | null {
  if (key === "+" || key === "=") return flow.zoomIn();
  if (key === "-") return flow.zoomOut();
  return key === "f" ? flow.fitView(FIT) : null;
}

function nodesOf(shape: Shape, layout: Layout, board: Board): Node[] {
  return shape.nodes.map((node, index): Node => {
    const { x, y, width, height } = layout.nodes.get(node.id) ?? { x: 0, y: 0, width: 0, height: 0 };
    const data = { board, isFirst: index === 0 };
    const type = node.kind === "group" ? "siblings" : node.kind; // `group` is a kind of React Flow's own
    return { id: node.id, type, position: { x, y }, width, height, data };
  });
}

/** A node of the overview: its colour follows its status by itself. */
const MiniNode = memo(function MiniNode({ id, x, y, width, height }: MiniMapNodeProps) {
  const board = useContext(BoardContext) as Board;
  const { jobs } = useNodeView(board, id);
  const worst = jobs.find((job) => job.status === "FAILED") ?? jobs.find((job) => job.status === "RUNNING") ?? jobs[0];
  const { tone } = lookOf(worst?.status ?? "WAITING");
  return <rect className={`dag-mini tone-${tone}`} x={x} y={y} width={width} height={height} rx={8} />;
});

function neighbour(shape: Shape, id: string, step: number): string | null {
  const at = shape.nodes.findIndex((node) => node.id === id);
  return shape.nodes[at + step]?.id ?? null;
}
