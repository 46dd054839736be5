import { useEffect, useRef } from "react";
import { isTyping } from "../../parts/isTyping";
import type { Tab } from "./runPage";

const TABS: Record<string, Tab> = { t: "telemetry" };
const SEQUENCE_MS = 1200; // after `g` a letter names a page of the console, and no tab

/** The keys of a run's page: a letter for a tab. */
export function useRunKeys(open: (tab: Tab) => void): void {
  const latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    let wentAt = Number.NEGATIVE_INFINITY;
    function onKey(event: KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const isOfSequence = performance.now() - wentAt < SEQUENCE_MS;
      wentAt = event.key === "g" ? performance.now() : Number.NEGATIVE_INFINITY;
      const tab = TABS[event.key];
      if (tab && !isOfSequence) latest.current(tab);
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
