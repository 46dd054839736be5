/** Where an arrow key leads in the graph: along an edge to the side, to the neighbour in the column up and down. */
import type { Layout } from "./layout";
import type { Shape } from "./shape";

export type Arrow = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** Returns the node the key leads to from `id`, or null when there is none. */
export function moved(shape: Shape, layout: Layout, id: string, arrow: Arrow): string | null {
  const here = layout.nodes.get(id);
  if (!here) return null;
  if (arrow === "ArrowUp" || arrow === "ArrowDown") {
    const sign = arrow === "ArrowDown" ? 1 : -1;
    const column = shape.nodes.filter((node) => {
      const there = layout.nodes.get(node.id);
      return there?.column === here.column && (there.y - here.y) * sign > 0;
    });
    return nearest(
      column.map((node) => node.id),
      layout,
      here.y,
    );
  }
  const linked = shape.edges.flatMap((edge) => {
    if (arrow === "ArrowRight") return edge.from === id ? [edge.to] : [];
    return edge.to === id ? [edge.from] : [];
  });
  return nearest(linked, layout, here.y);
}

function nearest(ids: readonly string[], layout: Layout, y: number): string | null {
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const id of ids) {
    const distance = Math.abs((layout.nodes.get(id)?.y ?? 0) - y);
    if (distance >= least) continue;
    [best, least] = [id, distance];
  }
  return best;
}
