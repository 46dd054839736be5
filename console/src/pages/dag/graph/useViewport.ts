/** What part of the graph is in sight: all of it, until somebody moves it; on a phone the part that matters. */
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
  // biome-ignore lint/correctness/useExhaustiveDependencies: another chosen job may be out of sight
  useEffect(() => {
    if (width === 0 || height === 0) return;
    if (shown.current !== layout) isOwn.current = false;
    shown.current = layout;
    const node = focusOf(shape, board);
    const place = node === null ? undefined : layout.nodes.get(node);
    const fitZoom = Math.min(width / layout.width, height / layout.height);
    if (isOwn.current || (width < NARROW_PX && fitZoom < READABLE_ZOOM)) {
      const isSeen = node !== null && isInside(box.current, node);
      const zoom = isOwn.current ? flow.getZoom() : READABLE_ZOOM;
      if (place && !isSeen) void flow.setCenter(place.x + place.width / 2, place.y + place.height / 2, { zoom });
      return;
    }
    showAll();
  }, [flow, showAll, box, board, shape, layout, width, height, chosen]);
  return { isOwn, showAll };
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
