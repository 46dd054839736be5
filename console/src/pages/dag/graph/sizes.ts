/** How large each kind of node is drawn; the same numbers stand in graph.css. */
import type { Size } from "./layout";
import type { NodeKind } from "./shape";

export const SIZES: Record<NodeKind, Size> = {
  job: { width: 208, height: 46 },
  gate: { width: 208, height: 52 },
  group: { width: 220, height: 66 },
};
