import { useEffect, useRef } from "react";
import { ancestorsOf, rowAt, type Tree } from "./tree";

/** Unfolds what hides the chosen action. */
export function useUnfoldedWay(
  tree: Tree,
  chosen: string | null,
  folded: ReadonlySet<string>,
  unfold: (ids: ReadonlySet<string>) => void,
): void {
  const latest = useRef({ tree, folded, unfold });
  latest.current = { tree, folded, unfold };
  useEffect(() => {
    if (chosen === null) return;
    const now = latest.current;
    const place = now.tree.order.findIndex((_, at) => rowAt(now.tree, at).id === chosen);
    const hiding = place < 0 ? [] : ancestorsOf(now.tree, place).filter((id) => now.folded.has(id));
    if (hiding.length > 0) now.unfold(new Set(hiding));
  }, [chosen]);
}
