/** What part of the graph is in sight: all of it, until somebody moves it; the part that matters on a phone and beside a job. */
import { getViewportForBounds, useReactFlow, useStore } from "@xyflow/react";
import { type RefObject, useCallback, useEffect, useRef } from "react";
import type { Board } from "./board";
import type { Layout } from "./layout";
import type { Shape } from "./shape";

const PADDING = 0.08;
const MOST_ZOOM = 1;
export const LEAST_ZOOM = 0.05;
const NARROW_PX = 480;
const READABLE_ZOOM = 0.7;

/** Keeps the view right as the box and the layout change; set the result when a person moved it: then it stays. */
export function useViewport(
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
    // The job's panel takes room from the graph: what was readable before it opened stays so.
    const zoom = isNew ? READABLE_ZOOM : flow.getZoom();
    void flow.setCenter(place.x + place.width / 2, place.y + place.height / 2, { zoom });
  }, [flow, showAll, box, board, shape, layout, width, height, chosen]);
  return { isOwn, showAll };
}

/** Returns whether the whole graph would be too small to read where one part of it is looked for. */
function isPart(width: number, fitZoom: number, chosen: string | null): boolean {
  return fitZoom < READABLE_ZOOM && (width < NARROW_PX || chosen !== null);
}

/** Returns the node that somebody who opens the graph most likely looks for: the chosen one, a gate, a failure, what runs. */
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

/** Returns whether all of a node is in sight. */
export function isInside(box: HTMLElement | null, node: string): boolean {
  const element = box?.querySelector(`[data-node="${CSS.escape(node)}"]`);
  if (!box || !element) return false;
  const [one, other] = [element.getBoundingClientRect(), box.getBoundingClientRect()];
  return one.left >= other.left && one.right <= other.right && one.top >= other.top && one.bottom <= other.bottom;
}
