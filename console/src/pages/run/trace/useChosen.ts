import { useEffect, useRef } from "react";
import { ancestorsOf, ORPHANS, rowAt, type Tree } from "./tree";

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

/** Brings the chosen action into sight when it becomes another. */
export function useChosenInSight(
  tree: Tree,
  places: readonly number[],
  chosen: string | null,
  show: (index: number) => void,
): void {
  const latest = useRef({ tree, places, show });
  latest.current = { tree, places, show };
  useEffect(() => {
    const now = latest.current;
    const index = now.places.findIndex((place) => place !== ORPHANS && rowAt(now.tree, place).id === chosen);
    if (chosen !== null && index >= 0) now.show(index);
  }, [chosen]);
}
