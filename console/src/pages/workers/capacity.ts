/** What all workers together can do: slots by label, and how many jobs want one. */
import type { Worker } from "../../api/facts";

export interface Capacity {
  readonly label: string;
  readonly slots: number;
  readonly busy: number;
  /** Jobs that could start if a slot were free. */
  readonly waiting: number;
}

/** Returns every label that is offered or wanted: those that nobody offers first, then by name. `ready`: label → jobs. */
export function capacityOf(workers: readonly Worker[], ready: Readonly<Record<string, number>>): Capacity[] {
  const all = new Map<string, { slots: number; busy: number; waiting: number }>();
  function of(label: string) {
    const known = all.get(label) ?? { slots: 0, busy: 0, waiting: 0 };
    all.set(label, known);
    return known;
  }
  for (const worker of workers) {
    if (worker.state !== "connected") continue;
    for (const [label, slots] of Object.entries(worker.offers)) {
      of(label).slots += slots;
      of(label).busy += worker.busy[label] ?? 0;
    }
  }
  for (const [label, jobs] of Object.entries(ready)) of(label).waiting = jobs;
  return [...all]
    .map(([label, numbers]) => ({ label, ...numbers }))
    .sort((one, other) => Number(one.slots > 0) - Number(other.slots > 0) || one.label.localeCompare(other.label));
}
