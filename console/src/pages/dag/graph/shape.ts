/**
 * What the graph draws: a node for each job, or one for many equal siblings; edges between nodes. It depends on the jobs'
 * names, parents and scripts alone and never on their status, so it stays the same object while a DAG runs.
 */
import type { Job } from "../../../api/facts";

export type NodeKind = "job" | "gate" | "group";

export interface ShapeNode {
  /** The job's id; of a group the id of its first job behind `group:`. */
  id: string;
  kind: NodeKind;
  /** Ids of the jobs it stands for, in submission order. */
  jobs: readonly string[];
}

export interface Edge {
  from: string;
  to: string;
}

export interface Shape {
  nodes: readonly ShapeNode[];
  edges: readonly Edge[];
  /** How many nodes there would be without groups. */
  jobCount: number;
  /** How many groups of equal siblings there are, opened or not. */
  groupCount: number;
}

/** From so many nodes on equal siblings are drawn as one, unless somebody asked for all. */
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
 * Returns the nodes and edges. With `collapsed`, three or more jobs with the same script, parents and children become one
 * node, unless its id is in `opened`. Parents that are not in this DAG have no node.
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

/** Returns who waits for whom, by job id; the server names parents by their name. */
export function linksOf(jobs: readonly Pick<Part, "job_id" | "name" | "parents">[]): Links {
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
    if (job.kind === "gate") continue; // each is a question of its own
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
