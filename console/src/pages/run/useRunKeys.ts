import { useEffect, useRef } from "react";
import { isTyping } from "../../parts/isTyping";
import type { Tab } from "./runPage";

const TABS: Record<string, Tab> = { t: "telemetry", s: "simulation", d: "determinism" };
const SEQUENCE_MS = 1200; // after `g` a letter names a page of the console, and no tab

/** The keys of a run's page: a letter for a tab, and `r` to simulate a replay. */
export function useRunKeys(open: (tab: Tab) => void, simulate: () => void): void {
  const latest = useRef({ open, simulate });
  latest.current = { open, simulate };
  useEffect(() => {
    let wentAt = Number.NEGATIVE_INFINITY;
    function onKey(event: KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const isOfSequence = performance.now() - wentAt < SEQUENCE_MS;
      wentAt = event.key === "g" ? performance.now() : Number.NEGATIVE_INFINITY;
      const tab = TABS[event.key];
      if (isOfSequence) return;
      if (tab) latest.current.open(tab);
      else if (event.key === "r") latest.current.simulate();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
