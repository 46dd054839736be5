/** The drawing of a graph: pan, zoom, arrow keys and an overview map. */
import {
  Controls,
  getViewportForBounds,
  type OnMove,
  Panel,
  ReactFlow,
  type ReactFlowInstance,
  useReactFlow,
  useStore,
} from "@xyflow/react";
import {
  type KeyboardEvent,
  memo,
  type PointerEvent,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
} from "react";
import { lookOf } from "../../../components/badges";
import { type Board, useSlowVersion } from "./board";
import { EdgeLayer, NodeLayer } from "./GraphLayers";
import type { Layout } from "./layout";
import { type Arrow, moved, type Shape } from "./shape";
import "@xyflow/react/dist/base.css";

interface Props {
  name: string;
  shape: Shape;
  layout: Layout;
  board: Board;
  /** The selected job. */
  chosen: string | null;
  onOpen: (nodeId: string) => void;
}

const NONE: never[] = []; // our own layers draw nodes and edges
const FAR_ZOOM = 0.4; // names are 5 px high there

/** The graph: pan, zoom and arrow keys. */
export const Graph = memo(function Graph({ name, shape, layout, board, chosen, onOpen }: Props) {
  const flow = useReactFlow();
  const box = useRef<HTMLDivElement>(null);
  const { isOwn, showAll } = useViewport(box, board, shape, layout, chosen);
  const onMove = useCallback<OnMove>(
    (event) => {
      if (event) isOwn.current = true; // programmatic moves have none
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
        // Enter on a node's button also clicks.
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

/** Marks the graph as zoomed out too far to read names. */
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

interface OverviewProps {
  shape: Shape;
  layout: Layout;
  board: Board;
}

/** The overview map with the visible part; a press or drag moves the view. */
function Overview({ shape, layout, board }: OverviewProps) {
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

/** The nodes as one path per colour. */
const Marks = memo(function Marks({ shape, layout, board }: OverviewProps) {
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

const PADDING = 0.08;
const MOST_ZOOM = 1;
const LEAST_ZOOM = 0.05;
const NARROW_PX = 480;
const READABLE_ZOOM = 0.7;

/** Keeps the view right as the box and the layout change; `isOwn` is set when the user moved it, and stops that. */
function useViewport(
  box: RefObject<HTMLElement | null>,
  board: Board,
  shape: Shape,
  layout: Layout,
  chosen: string | null,
): { isOwn: RefObject<boolean>; showAll: () => void } {
  const flow = useReactFlow();
  const isOwn = useRef(false);
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  const shown = useRef<Layout | null>(null);
  const showAll = useCallback(() => {
    const all = { x: 0, y: 0, width: layout.width, height: layout.height };
    void flow.setViewport(getViewportForBounds(all, width, height, LEAST_ZOOM, MOST_ZOOM, PADDING));
  }, [flow, layout, width, height]);
  useEffect(() => {
    if (width === 0 || height === 0) return;
    const isNew = shown.current !== layout;
    if (isNew) isOwn.current = false;
    shown.current = layout;
    const fitZoom = Math.min(width / layout.width, height / layout.height);
    if (!isOwn.current && !isPart(width, fitZoom, chosen)) {
      showAll();
      return;
    }
    const node = focusOf(shape, board);
    const place = node === null ? undefined : layout.nodes.get(node);
    if (!place || (!isNew && node !== null && isInside(box.current, node))) return;
    // The job panel takes room from the graph: readable text must stay readable.
    const zoom = isNew ? READABLE_ZOOM : flow.getZoom();
    void flow.setCenter(place.x + place.width / 2, place.y + place.height / 2, { zoom });
  }, [flow, showAll, box, board, shape, layout, width, height, chosen]);
  return { isOwn, showAll };
}

/** Returns whether the whole graph would be too small to read. */
function isPart(width: number, fitZoom: number, chosen: string | null): boolean {
  return fitZoom < READABLE_ZOOM && (width < NARROW_PX || chosen !== null);
}

/** Returns the node to focus at first: the selected one, an open gate, a failed or a running job. */
function focusOf(shape: Shape, board: Board): string | null {
  const views = shape.nodes.map((node) => ({ id: node.id, view: board.view(node.id) }));
  const chosen = views.find((one) => one.view.isChosen);
  if (chosen) return chosen.id;
  for (const status of ["WAITING_APPROVAL", "FAILED", "RUNNING"]) {
    const found = views.find((one) => one.view.jobs.some((job) => job.status === status));
    if (found) return found.id;
  }
  return views[0]?.id ?? null;
}

/** Returns whether a node is fully visible. */
function isInside(box: HTMLElement | null, node: string): boolean {
  const element = box?.querySelector(`[data-node="${CSS.escape(node)}"]`);
  if (!box || !element) return false;
  const [one, other] = [element.getBoundingClientRect(), box.getBoundingClientRect()];
  return one.left >= other.left && one.right <= other.right && one.top >= other.top && one.bottom <= other.bottom;
}
