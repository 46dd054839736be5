import type { Dag } from "./facts";

/** Returns the names of all jobs that wait for `name`, directly or not, nearest first. */
export function namesBehind(dag: Pick<Dag, "jobs">, name: string): string[] {
  const children = new Map<string, string[]>();
  for (const job of dag.jobs ?? []) {
    for (const parent of job.parents) children.set(parent, [...(children.get(parent) ?? []), job.name]);
  }
  const found = new Set<string>();
  const next = [name];
  for (let at = next.shift(); at !== undefined; at = next.shift()) {
    for (const child of children.get(at) ?? []) {
      if (found.has(child)) continue;
      found.add(child);
      next.push(child);
    }
  }
  return [...found];
}
