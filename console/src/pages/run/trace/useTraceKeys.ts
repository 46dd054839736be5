import type { Virtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type RefObject, useLayoutEffect, useRef, useState } from "react";
import { useMoveKeys } from "../../../components/keyboard";
import { chosenIn, urlNow } from "../../../components/url";
import { bringIntoSight, indexAfter, type Mark, markedIndex } from "../../../components/virtualList";
import { hasChildren, keyOf, ORPHANS, parentPlace, rowAt, shownPlaces, type Tree } from "./tree";

interface TraceKeysProps {
  tree: Tree;
  /** The rendered places; the URL may already have others. */
  places: readonly number[];
  scroller: RefObject<HTMLDivElement | null>;
  virtual: Virtualizer<HTMLDivElement, Element>;
  toggle: (field: "fold" | "open", id: string) => void;
  onChoose: (id: string) => void;
}

/** The keys of the tree: up and down (or `k` and `j`), right expands or enters, left collapses or leaves. */
export function useTraceKeys(acts: TraceKeysProps) {
  const { tree, places } = acts;
  const [shown, setShown] = useState<Mark | null>(null);
  const marked = useRef(shown); // the row that keys act on, also when others are added above it
  const nameOf = (place: number) => keyOf(tree, place);
  function mark(among: readonly number[], index: number): void {
    marked.current = { key: nameOf(among[index] ?? ORPHANS), index };
    setShown(marked.current);
  }
  const at = markedIndex(places, nameOf, shown);
  const keepFocus = useFocus(acts, at);
  function goTo(among: readonly number[], index: number): void {
    if (index < 0) return;
    mark(among, index);
    keepFocus();
  }
  function step(by: 1 | -1): void {
    const now = placesNow(tree);
    goTo(now, indexAfter(now, nameOf, marked.current, by));
  }
  useMoveKeys(step);

  /** Returns the index that a movement key leads to; null for other keys. */
  function indexBy(key: string, now: readonly number[]): number | null {
    const after = (by: 1 | -1) => indexAfter(now, nameOf, marked.current, by);
    return { ArrowDown: after(1), ArrowUp: after(-1), Home: 0, End: now.length - 1 }[key] ?? null;
  }
  const onAction: Record<string, (place: number, id: string) => void> = {
    Enter: (_, id) => acts.onChoose(id),
    x: (_, id) => acts.toggle("open", id),
    ArrowRight: (place, id) => {
      if (!hasChildren(tree, place)) return;
      if (foldedNow().has(id)) acts.toggle("fold", id);
      else step(1);
    },
    ArrowLeft: (place, id) => {
      const parent = parentPlace(tree, place);
      if (hasChildren(tree, place) && !foldedNow().has(id)) acts.toggle("fold", id);
      else if (parent >= 0) goTo(placesNow(tree), placesNow(tree).indexOf(parent));
    },
  };
  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const now = placesNow(tree);
    const index = indexBy(event.key, now);
    const act = onAction[event.key];
    const place = now[markedIndex(now, nameOf, marked.current)] ?? ORPHANS;
    if (index !== null) goTo(now, index);
    else if (act && place !== ORPHANS) act(place, rowAt(tree, place).id);
    else return;
    event.preventDefault();
  }
  return { at, mark: (index: number) => mark(places, index), onKey };
}

function foldedNow(): Set<string> {
  return new Set(chosenIn(urlNow(), "fold"));
}

function placesNow(tree: Tree): number[] {
  return shownPlaces(tree, foldedNow());
}

/** Returns a function that scrolls the marked row into view and focuses it once it is rendered. */
function useFocus({ scroller, virtual }: TraceKeysProps, at: number): () => void {
  const isAwaited = useRef(false);
  useLayoutEffect(() => {
    if (!isAwaited.current || at < 0) return;
    bringIntoSight(virtual, at);
    const row = scroller.current?.querySelector<HTMLElement>(`[data-index="${at}"] [role=treeitem]`);
    if (!row) return; // scrolling renders it
    isAwaited.current = false;
    row.focus({ preventScroll: true });
  });
  return () => {
    isAwaited.current = true;
  };
}
