import { useMemo } from "react";
import { endOf, type Recording } from "../../../api/recording";
import { useNow } from "../../../parts/clock";
import type { Sight } from "./axis";

/** Returns where now is on the run's axis; of a run that is over, where it ended: what has no end then was cut off there. */
export function useNowUs({ run, rows }: Recording): number {
  const now = useNow();
  const isOver = run.status !== "running" && run.status !== "pending";
  const last = isOver ? Date.parse(run.ended_at ?? run.last_event_at) : now;
  const elapsed = Math.max(0, (last - Date.parse(run.started_at)) * 1000);
  return useMemo(() => (isOver ? Math.max(elapsed, endOf(rows, 0)) : elapsed), [isOver, elapsed, rows]);
}

/** Returns the whole time of a run, from its first action to its last end. */
export function useWhole({ rows }: Recording, nowUs: number): Sight {
  return useMemo(() => {
    const from = Math.min(0, rows[0]?.startUs ?? 0);
    return { from, to: Math.max(from + 1000, endOf(rows, nowUs)) };
  }, [rows, nowUs]);
}
