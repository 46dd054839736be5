import { useEffect, useRef } from "react";
import type { RecordedRunView } from "../../api/recorded";
import { isTyping } from "../../parts/isTyping";
import { say } from "../../parts/Toasts";
import { replayObstacle } from "./runPage";

const TABS: Record<string, string> = { t: "telemetry", s: "simulation", d: "determinism" };
const SEQUENCE_MS = 1200; // after `g` a letter names a page of the console, and no tab

/** The keys of a run's page: a letter for each tab, `r` for the replay that is not here yet. */
export function useRunKeys(run: RecordedRunView, open: (tab: string) => void): void {
  const latest = useRef({ run, open });
  latest.current = { run, open };
  useEffect(() => {
    let wentAt = Number.NEGATIVE_INFINITY;
    function onKey(event: KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const isOfSequence = performance.now() - wentAt < SEQUENCE_MS;
      wentAt = event.key === "g" ? performance.now() : Number.NEGATIVE_INFINITY;
      if (isOfSequence) return;
      const tab = TABS[event.key];
      if (tab) latest.current.open(tab);
      else if (event.key === "r") say(whyNoReplay(latest.current.run));
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

function whyNoReplay(run: RecordedRunView): string {
  return ["Replay comes with a later version.", replayObstacle(run)].filter(Boolean).join(" ");
}
