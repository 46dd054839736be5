import { Controls, type OnMove, Panel, ReactFlow, type ReactFlowInstance, useReactFlow, useStore } from "@xyflow/react";
import { type KeyboardEvent, memo, type RefObject, useCallback, useLayoutEffect, useRef } from "react";
import type { Board } from "./board";
import { EdgeLayer } from "./EdgeLayer";
import type { Layout } from "./layout";
import { type Arrow, moved } from "./move";
import { NodeLayer } from "./NodeLayer";
import { Overview } from "./Overview";
import type { Shape } from "./shape";
import { isInside, LEAST_ZOOM, useViewport } from "./useViewport";
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

const NONE: never[] = []; // nodes and edges are drawn by layers of our own
const FAR_ZOOM = 0.4; // names are 5 px high there

/** The drawing itself: pans, zooms, and is walked through with the arrow keys. */
export const Graph = memo(function Graph({ name, shape, layout, board, chosen, onOpen }: Props) {
  const flow = useReactFlow();
  const box = useRef<HTMLDivElement>(null);
  const { isOwn, showAll } = useViewport(box, board, shape, layout, chosen);
  const onMove = useCallback<OnMove>(
    (event) => {
      if (event) isOwn.current = true; // without one it was us
    },
    [isOwn],
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
    const zoom = zooms(event.key, flow, showAll);
    if (zoom) zoom();
    else if (here && event.key.startsWith("Arrow")) go(moved(shape, layout, here, event.key as Arrow));
    else if (here && (event.key === "j" || event.key === "k")) go(neighbour(shape, here, event.key === "j" ? 1 : -1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return (
    <section
      ref={box}
      className="dag-graph card"
      aria-label={`Graph of ${name}`}
      onKeyDown={onKey}
      onClick={(event) => {
        // Enter on a node's button is a click too.
        const node = (event.target as HTMLElement).closest<HTMLElement>("[data-node]")?.dataset.node;
        if (node) onOpen(node);
      }}
    >
      <ReactFlow
        nodes={NONE}
        edges={NONE}
        onMove={onMove}
        minZoom={LEAST_ZOOM}
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
        attributionPosition="bottom-center"
      >
        <Far box={box} />
        <EdgeLayer shape={shape} layout={layout} board={board} />
        <NodeLayer shape={shape} layout={layout} board={board} />
        <Controls showInteractive={false} onFitView={showAll} />
        <Panel position="bottom-right">
          <Overview shape={shape} layout={layout} board={board} />
        </Panel>
      </ReactFlow>
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

function zooms(key: string, flow: ReactFlowInstance, showAll: () => void): (() => unknown) | null {
  if (key === "+" || key === "=") return () => flow.zoomIn();
  if (key === "-") return () => flow.zoomOut();
  return key === "f" ? showAll : null;
}

function neighbour(shape: Shape, id: string, step: number): string | null {
  const at = shape.nodes.findIndex((node) => node.id === id);
  return shape.nodes[at + step]?.id ?? null;
}
