import type { Virtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from "react";
import { isTyping } from "../../../parts/isTyping";
import { hasChildren, ORPHANS, parentPlace, rowAt, type Tree } from "./tree";

interface Acts {
  tree: Tree;
  places: readonly number[];
  folded: ReadonlySet<string>;
  scroller: RefObject<HTMLDivElement | null>;
  virtual: Virtualizer<HTMLDivElement, Element>;
  toggle: (field: "fold" | "open", id: string) => void;
  onChoose: (id: string) => void;
}

/** The keys of the tree: up and down also by `k` and `j`, right unfolds or enters, left folds or leaves. */
export function useTraceKeys(acts: Acts) {
  const [at, setAt] = useState(-1);
  const latest = useRef({ acts, at });
  latest.current = { acts, at };
  const goTo = useRef((index: number) => {
    const { places, scroller, virtual } = latest.current.acts;
    const to = Math.min(places.length - 1, Math.max(0, index));
    latest.current.at = to; // the next key may come before this one is drawn
    setAt(to);
    virtual.scrollToIndex(to);
    const focus = () => scroller.current?.querySelector<HTMLElement>(`[data-index="${to}"] [role=treeitem]`);
    if (focus()) focus()?.focus({ preventScroll: true });
    else window.requestAnimationFrame(() => focus()?.focus({ preventScroll: true }));
  });
  useEffect(() => {
    function onPlainKey(event: globalThis.KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "j") goTo.current(latest.current.at + 1);
      else if (event.key === "k") goTo.current(latest.current.at - 1);
    }
    window.addEventListener("keydown", onPlainKey);
    return () => window.removeEventListener("keydown", onPlainKey);
  }, []);

  /** Where keys lead, by themselves; null for those that act on an action. */
  function indexBy(key: string): number | null {
    const places = acts.places.length;
    const { at: here } = latest.current;
    return { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: places - 1 }[key] ?? null;
  }
  const onAction: Record<string, (place: number, id: string) => void> = {
    Enter: (_, id) => acts.onChoose(id),
    x: (_, id) => acts.toggle("open", id),
    ArrowRight: (place, id) => {
      if (!hasChildren(acts.tree, place)) return;
      if (acts.folded.has(id)) acts.toggle("fold", id);
      else goTo.current(latest.current.at + 1);
    },
    ArrowLeft: (place, id) => {
      const parent = parentPlace(acts.tree, place);
      if (hasChildren(acts.tree, place) && !acts.folded.has(id)) acts.toggle("fold", id);
      else if (parent >= 0) goTo.current(acts.places.indexOf(parent));
    },
  };
  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const index = indexBy(event.key);
    const place = acts.places[latest.current.at] ?? ORPHANS;
    const act = onAction[event.key];
    if (index !== null) goTo.current(index);
    else if (act && place !== ORPHANS) act(place, rowAt(acts.tree, place).id);
    else return;
    event.preventDefault();
  }
  return { at, mark: setAt, onKey };
}
