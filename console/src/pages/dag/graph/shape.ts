/** The nodes and edges of a graph, its critical path, and moves with arrow keys. */
import type { Job } from "../../../api/types";
import type { Layout } from "./layout";

export type NodeKind = "job" | "gate" | "group";

interface ShapeNode {
  /** The job's id; for a group `group:` and the id of its first job. */
  id: string;
  kind: NodeKind;
  /** Ids of its jobs, in submission order. */
  jobs: readonly string[];
}

export interface Edge {
  from: string;
  to: string;
}

export interface Shape {
  nodes: readonly ShapeNode[];
  edges: readonly Edge[];
  /** The number of nodes without grouping. */
  jobCount: number;
  /** The number of groups of identical jobs, expanded or not. */
  groupCount: number;
}

/** Identical jobs are grouped in graphs with more nodes, unless the user chose otherwise. */
export const COLLAPSES_ABOVE = 40;
const LEAST_IN_GROUP = 3;

type Part = Pick<Job, "job_id" | "name" | "kind" | "parents" | "filename">;

/** Returns a text that changes only when the shape does. */
export function shapeKey(jobs: readonly Part[]): string {
  return jobs
    .map((job) => [job.job_id, job.name, job.kind, job.filename, ...job.parents].join("\u0001"))
    .join("\u0002");
}

/**
 * Returns the nodes and edges. With `collapsed`, three or more jobs with the same script, parents and children become
 * one node, unless its id is in `opened`. Parents outside this DAG have no node.
 */
export function shapeOf(jobs: readonly Part[], collapsed: boolean, opened: ReadonlySet<string> = new Set()): Shape {
  const links = linksOf(jobs);
  const groups = equalSiblings(jobs, links).filter((group) => group.length >= LEAST_IN_GROUP);
  const nodeOf = new Map<string, string>();
  const members = new Map<string, string[]>();
  if (collapsed) {
    for (const group of groups) {
      const id = `group:${group[0]}`;
      if (opened.has(id)) continue;
      members.set(id, group);
      for (const job of group) nodeOf.set(job, id);
    }
  }
  const nodes: ShapeNode[] = [];
  const drawn = new Set<string>();
  for (const job of jobs) {
    const id = nodeOf.get(job.job_id) ?? job.job_id;
    if (drawn.has(id)) continue;
    drawn.add(id);
    const kind = members.has(id) ? "group" : job.kind === "gate" ? "gate" : "job";
    nodes.push({ id, kind, jobs: members.get(id) ?? [job.job_id] });
  }
  return { nodes, edges: edgesOf(jobs, links, nodeOf), jobCount: jobs.length, groupCount: groups.length };
}

export interface Links {
  /** Job id → ids of its parents in this DAG. */
  parents: ReadonlyMap<string, readonly string[]>;
  /** Job id → ids of its children. */
  children: ReadonlyMap<string, readonly string[]>;
}

/** Returns parents and children by job id; the server names parents. */
function linksOf(jobs: readonly Pick<Part, "job_id" | "name" | "parents">[]): Links {
  const ids = new Map(jobs.map((job) => [job.name, job.job_id]));
  const parents = new Map<string, string[]>();
  const children = new Map<string, string[]>(jobs.map((job) => [job.job_id, []]));
  for (const job of jobs) {
    const own = [...new Set(job.parents)].map((name) => ids.get(name)).filter((id) => id !== undefined);
    parents.set(job.job_id, own);
    for (const parent of own) children.get(parent)?.push(job.job_id);
  }
  return { parents, children };
}

function equalSiblings(jobs: readonly Part[], links: Links): string[][] {
  const groups = new Map<string, string[]>();
  for (const job of jobs) {
    if (job.kind === "gate") continue; // each gate is shown on its own
    const parents = [...(links.parents.get(job.job_id) ?? [])].sort().join(" ");
    const children = [...(links.children.get(job.job_id) ?? [])].sort().join(" ");
    const key = [job.filename, parents, children].join("\u0001");
    const group = groups.get(key);
    if (group) group.push(job.job_id);
    else groups.set(key, [job.job_id]);
  }
  return [...groups.values()];
}

function edgesOf(jobs: readonly Part[], links: Links, nodeOf: ReadonlyMap<string, string>): Edge[] {
  const edges = new Map<string, Edge>();
  for (const job of jobs) {
    const to = nodeOf.get(job.job_id) ?? job.job_id;
    for (const parent of links.parents.get(job.job_id) ?? []) {
      const from = nodeOf.get(parent) ?? parent;
      edges.set(`${from} ${to}`, { from, to });
    }
  }
  return [...edges.values()];
}

export interface CriticalPath {
  /** Job ids, first to last. */
  jobs: readonly string[];
  lengthMs: number;
}

export type Timed = Pick<Job, "job_id" | "name" | "parents" | "started_at" | "ended_at" | "ready_at" | "kind">;

/** Returns a job's duration so far, including retries and pauses; of a gate, how long it was open. */
export function lengthMs(job: Timed, now: number): number {
  const from = job.kind === "gate" ? job.ready_at : job.started_at;
  if (!from) return 0;
  return Math.max(0, (job.ended_at ? Date.parse(job.ended_at) : now) - Date.parse(from));
}

/**
 * Returns the critical path; empty before anything has started. Of equally long ones, the one through jobs submitted
 * earlier.
 */
export function criticalPath(jobs: readonly Timed[], now: number): CriticalPath {
  const { parents } = linksOf(jobs);
  const best = new Map<string, { until: number; before: string | null }>();
  let last: string | null = null;
  for (const job of parentsFirst(jobs, parents)) {
    let before: string | null = null;
    let sum = 0;
    for (const parent of parents.get(job.job_id) ?? []) {
      const until = best.get(parent)?.until ?? 0;
      if (until > sum) [before, sum] = [parent, until];
    }
    const own = lengthMs(job, now);
    best.set(job.job_id, { until: sum + own, before });
    // A job that has not started cannot end the path.
    if (own > 0 && sum + own > (last ? (best.get(last)?.until ?? 0) : 0)) last = job.job_id;
  }
  const path: string[] = [];
  for (let at = last; at !== null; at = best.get(at)?.before ?? null) path.push(at);
  return { jobs: path.reverse(), lengthMs: last ? (best.get(last)?.until ?? 0) : 0 };
}

/** Parents may be submitted after their children. */
function parentsFirst<One extends Timed>(
  jobs: readonly One[],
  parents: ReadonlyMap<string, readonly string[]>,
): readonly One[] {
  const byId = new Map(jobs.map((job) => [job.job_id, job]));
  const ordered: One[] = [];
  const seen = new Set<string>();
  for (const job of jobs) {
    const stack = [job.job_id];
    while (stack.length > 0) {
      const id = stack[stack.length - 1] as string;
      const missing = seen.has(id) ? [] : (parents.get(id) ?? []).filter((parent) => !seen.has(parent));
      if (missing.length > 0) {
        stack.push(...missing);
        continue;
      }
      stack.pop();
      const found = byId.get(id);
      if (found && !seen.has(id)) ordered.push(found);
      seen.add(id);
    }
  }
  return ordered;
}

export type Arrow = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** Returns the node that the key leads to; null when there is none. */
export function moved(shape: Shape, layout: Layout, id: string, arrow: Arrow): string | null {
  const here = layout.nodes.get(id);
  if (!here) return null;
  if (arrow === "ArrowUp" || arrow === "ArrowDown") {
    const sign = arrow === "ArrowDown" ? 1 : -1;
    const column = shape.nodes.filter((node) => {
      const there = layout.nodes.get(node.id);
      return there?.column === here.column && (there.y - here.y) * sign > 0;
    });
    return nearest(
      column.map((node) => node.id),
      layout,
      here.y,
    );
  }
  const linked = shape.edges.flatMap((edge) => {
    if (arrow === "ArrowRight") return edge.from === id ? [edge.to] : [];
    return edge.to === id ? [edge.from] : [];
  });
  return nearest(linked, layout, here.y);
}

function nearest(ids: readonly string[], layout: Layout, y: number): string | null {
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const id of ids) {
    const distance = Math.abs((layout.nodes.get(id)?.y ?? 0) - y);
    if (distance >= least) continue;
    [best, least] = [id, distance];
  }
  return best;
}
