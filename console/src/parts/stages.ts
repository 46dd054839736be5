/** The stages of an agent run as a person reads them: short labels, the iteration, and long chains folded. */
import type { Dag } from "../api/facts";

const SHOWN_FIRST = 2;
const SHOWN_LAST = 9;
const WORTH_FOLDING = 3; // stages in a row: fewer take no more room than the mark of the fold

/**
 * Returns the short name of each stage: without `<run>_`; where a stage has no such prefix, without what all stages of the
 * run share up to an underscore. A stage that stands alone shares nothing, and no label is ever empty.
 */
export function stageLabels(runId: string, names: readonly string[]): string[] {
  const own = `${runId}_`;
  const shared = sharedPrefix(names);
  return names.map((name) => withoutPrefix(name, name.startsWith(own) ? own : shared));
}

function withoutPrefix(name: string, prefix: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) || name : name;
}

function sharedPrefix(names: readonly string[]): string {
  const [first = "", ...others] = names;
  if (others.length === 0) return "";
  let length = first.length;
  for (const name of others) {
    while (!name.startsWith(first.slice(0, length))) length -= 1;
  }
  return first.slice(0, first.slice(0, length).lastIndexOf("_") + 1);
}

/** Returns how often the run has gone round, by its highest `ITER<n>`; null where no stage is called so. */
export function iterationOf(labels: readonly string[]): number | null {
  let highest: number | null = null;
  for (const label of labels) {
    const found = /(?:^|_)ITER[_-]?(\d+)(?:_|$)/i.exec(label);
    if (found) highest = Math.max(highest ?? 0, Number(found[1]));
  }
  return highest;
}

/** What stands in a chain: a stage by its index, or a number of completed stages folded into one mark. */
export type Link = { stage: number } | { folded: number; from: number };

/** Returns a chain with the completed stages of its middle folded; what did not go well never is. */
export function foldedChain(stages: readonly Pick<Dag, "status">[]): Link[] {
  const chain: Link[] = [];
  let from = SHOWN_FIRST;
  const end = stages.length - SHOWN_LAST;
  function push(first: number, beyond: number): void {
    for (let stage = first; stage < beyond; stage += 1) chain.push({ stage });
  }
  push(0, Math.min(from, stages.length));
  while (from < stages.length) {
    let beyond = from;
    while (beyond < end && stages[beyond]?.status === "COMPLETED") beyond += 1;
    if (beyond - from >= WORTH_FOLDING) chain.push({ folded: beyond - from, from });
    else push(from, beyond);
    if (beyond < stages.length) chain.push({ stage: beyond });
    from = beyond + 1;
  }
  return chain;
}

/** Returns what a stage's box says beside its label: `2/4` jobs completed while not all are, else nothing. */
export function progressOf(stage: Pick<Dag, "status" | "counts">): string | null {
  const { counts, status } = stage;
  if (status === "COMPLETED" || counts.total < 2) return null;
  return `${counts.completed}/${counts.total}`;
}

/** Returns who cancelled a stage that has ended so; null while its jobs are still being ended, and where nobody did. */
export function cancelledBy(stage: Pick<Dag, "is_final" | "cancelled_by">): string | null {
  return stage.is_final ? stage.cancelled_by : null;
}

/** Returns how many jobs of a stage that goes on have failed; of one that has ended its status tells. */
export function failedOf(stage: Pick<Dag, "is_final" | "counts">): number {
  return stage.is_final ? 0 : stage.counts.failed;
}
