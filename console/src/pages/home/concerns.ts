/** What needs a person, computed from what the server tells. */
import type { Dag, Worker } from "../../api/facts";
import type { InterceptView, RunView } from "../../api/recorded";

export const RECENT_MS = 24 * 60 * 60 * 1000;

/** Runs that failed within the last day, the latest first. */
export function failedLately(runs: readonly RunView[], now: number): RunView[] {
  return runs
    .filter((run) => run.status === "failed" && isRecent(run.ended_at, now))
    .sort((one, other) => (other.ended_at ?? "").localeCompare(one.ended_at ?? ""));
}

/** Returns the recorded runs that need attention, without those that are told of by their stages. */
export function untold(intercepts: readonly InterceptView[], told: readonly RunView[]): InterceptView[] {
  const ids = new Set(told.map((run) => run.run_id));
  return intercepts.filter(({ run }) => !ids.has(run.run_id));
}

/** A DAG that failed, or failed in part, without a run that would tell of it; `times` counts those of the same name. */
export interface FailedDag {
  latest: Dag;
  times: number;
}

export function failedDagsLately(dags: readonly Dag[], now: number): FailedDag[] {
  const byName = new Map<string, FailedDag>();
  const failed = dags.filter(
    (dag) =>
      dag.agent_run_id === null &&
      (dag.status === "FAILED" || dag.status === "PARTIAL") &&
      dag.counts.failed > 0 && // none of one that somebody cancelled, who needs not be told
      isRecent(dag.ended_at, now),
  );
  for (const dag of failed.toSorted((one, other) => (other.ended_at ?? "").localeCompare(one.ended_at ?? ""))) {
    const found = byName.get(dag.name);
    if (found) found.times += 1;
    else byName.set(dag.name, { latest: dag, times: 1 });
  }
  return [...byName.values()];
}

function isRecent(at: string | null, now: number): boolean {
  return at !== null && now - Date.parse(at) < RECENT_MS;
}

/** The cluster in numbers; slots of one label are not those of another, so all are summed. */
export interface ClusterFacts {
  workers: number;
  draining: number;
  slots: number;
  busy: number;
}

export function clusterFacts(workers: readonly Worker[]): ClusterFacts {
  const present = workers.filter((worker) => worker.state === "connected");
  return {
    workers: present.length,
    draining: workers.filter((worker) => worker.state === "draining").length,
    slots: present.reduce((sum, worker) => sum + total(worker.offers), 0),
    busy: present.reduce((sum, worker) => sum + total(worker.busy), 0),
  };
}

function total(slots: Record<string, number>): number {
  return Object.values(slots).reduce((sum, number) => sum + number, 0);
}
