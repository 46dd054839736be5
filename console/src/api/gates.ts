/** Gates: queries, decisions, the jobs behind a gate and the files to review. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api } from "./client";
import { withoutDuplicates } from "./dags";
import type { LiveEvent } from "./live";
import { queries, useRefetchOn } from "./query";
import type { Dag, Gate, LeftFile } from "./types";

const OPEN = ["gates", "open"];
const ALL = ["gates", "all"];
const MOST_OPEN = 500;
const MOST_PARENTS = 20; // whose files are requested; a gate with more has its DAG's page

export type Outcome = "approve" | "reject";

/** Returns whether an event may have opened or closed a gate. */
function touchesGates(event: LiveEvent): boolean {
  return event.kind.startsWith("Gate") || event.kind === "JobCancelled" || event.kind === "JobRetried";
}

/** Open gates, live; the longest open first, so that a new one does not move the others. */
export function useOpenGates() {
  const found = useQuery({
    queryKey: OPEN,
    queryFn: async ({ signal }) => {
      const query = { status: "open", limit: MOST_OPEN } as const;
      return (await api.GET("/api/gates", { params: { query }, signal })).data?.gates.toSorted(isOlder) ?? [];
    },
  });
  useRefetchOn(touchesGates, found.refetch);
  return found;
}

/** The newest `limit` gates in any state, live; `isAll` when there are no more. */
export function useAllGates(limit: number) {
  const found = useQuery({
    queryKey: [...ALL, limit],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const query = { status: "all", limit } as const;
      const gates = (await api.GET("/api/gates", { params: { query }, signal })).data?.gates ?? [];
      return { gates, isAll: gates.length < limit };
    },
  });
  useRefetchOn(touchesGates, found.refetch, 1000);
  return found;
}

export async function gateOf(id: string): Promise<Gate> {
  const { data } = await api.GET("/api/gates/{gate}", { params: { path: { gate: id } } });
  if (!data) throw new Error(`The server returned no gate ${id}.`);
  return data;
}

/** The content of a decision. Its JSON selects the idempotency key, so it holds nothing else. */
export interface Decision {
  gateId: string;
  outcome: Outcome;
  comment: string;
}

/** Decides a gate; the lists are updated before the event arrives. */
export async function decide(what: Decision, headers: { "Idempotency-Key": string }): Promise<Gate | undefined> {
  const init = {
    params: { path: { gate: what.gateId } },
    headers,
    body: { comment: what.comment.trim(), by: null },
  };
  const { data } =
    what.outcome === "approve"
      ? await api.POST("/api/gates/{gate}/approve", init)
      : await api.POST("/api/gates/{gate}/reject", init);
  return data;
}

export function refetchGates(): void {
  void queries.invalidateQueries({ queryKey: ["gates"] });
}

/** The names of the jobs that wait for a gate, nearest first; undefined while loading. */
export function useDownstreamJobs(gate: Gate): string[] | undefined {
  const { data } = useQuery({
    queryKey: ["behind", gate.dag_id],
    staleTime: Number.POSITIVE_INFINITY, // a DAG's shape never changes
    queryFn: async ({ signal }) =>
      (await api.GET("/api/dags/{dag}", { params: { path: { dag: gate.dag_id } }, signal })).data ?? null,
  });
  return data ? downstreamJobs(data, gate.name) : undefined;
}

/** The files of the jobs before a gate, live: some arrive after their job has ended. */
export function useReviewFiles(gate: Gate) {
  const found = useQuery({
    queryKey: ["files-before", gate.gate_id],
    enabled: gate.parents.length > 0,
    queryFn: async ({ signal }): Promise<LeftFile[]> => {
      const answers = await Promise.all(
        gate.parents.slice(0, MOST_PARENTS).map((job) => {
          const params = { path: { job }, query: { dag: gate.dag_id } };
          return api.GET("/api/jobs/{job}/files", { params, signal });
        }),
      );
      return withoutDuplicates(answers.flatMap((answer) => answer.data?.files ?? []));
    },
  });
  useRefetchOn((event) => mayAddFiles(event, gate), found.refetch, 1000);
  return found;
}

/**
 * Returns whether an event may concern a job before the gate. A gate knows its parents by name only, so any job of its
 * DAG counts.
 */
export function mayAddFiles(event: LiveEvent, gate: Pick<Gate, "gate_id" | "dag_id">): boolean {
  return event.dag_id === gate.dag_id && event.job_id !== null && event.job_id !== gate.gate_id;
}

function isOlder(gate: Gate, than: Gate): number {
  return (gate.opened_at ?? "").localeCompare(than.opened_at ?? "") || gate.gate_id.localeCompare(than.gate_id);
}

/** Returns the names of all jobs that depend on `name`, directly or not, nearest first. */
export function downstreamJobs(dag: Pick<Dag, "jobs">, name: string): string[] {
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
