/** One clock for all ages on a page: it ticks once a second, and not while nobody looks. */
import { useSyncExternalStore } from "react";

let now = Date.now();
const watchers = new Set<() => void>();
let timer: number | undefined;

function tick(): void {
  if (document.hidden) return;
  now = Date.now();
  for (const changed of watchers) changed();
}

function watch(changed: () => void): () => void {
  if (watchers.size === 0) {
    now = Date.now();
    timer = window.setInterval(tick, 1000);
    document.addEventListener("visibilitychange", tick);
  }
  watchers.add(changed);
  return () => {
    watchers.delete(changed);
    if (watchers.size > 0) return;
    window.clearInterval(timer);
    document.removeEventListener("visibilitychange", tick);
  };
}

/** Returns a moment of this local day: anew when the day changes, and not every second. */
export function useToday(): number {
  return useSyncExternalStore(watch, () => new Date(now).setHours(0, 0, 0, 0));
}

/** Returns the present moment in milliseconds, anew every second. */
export function useNow(): number {
  return useSyncExternalStore(watch, () => now);
}
