/** What needs attention, computed from the server's answers. */
import { useDags } from "../../api/dags";
import { useOpenGates } from "../../api/gates";
import { ALL_RUNS, useIntercepts, useRegistry } from "../../api/registry";
import { useHealth } from "../../api/server";
import type { Dag, Gate, InterceptView, OriginChoice, QueueGroup, RunView, Worker } from "../../api/types";
import { useQueue, useWorkers } from "../../api/workers";
import { useNow } from "../../components/Time";

/** Everything that needs attention, live. */
export interface Concerns {
  gates: Gate[];
  runs: RunView[];
  /** Critical intercepts of today, without runs in `runs`. */
  intercepts: InterceptView[];
  dags: FailedDag[];
  /** Jobs that no worker takes, by missing label. */
  unroutable: QueueGroup[];
  hasNoWorker: boolean;
  lowDisk: { freeBytes: number } | null;
  /** Connected workers; undefined while loading. */
  workers: readonly Worker[] | undefined;
  /** The number of waiting jobs. */
  queued: number | undefined;
  total: number;
  isPending: boolean;
  error: unknown;
  refetch: () => void;
}

const FAILED_RUNS = { ...ALL_RUNS, status: ["failed"], window: "all", hasStages: true, withStages: true } as const;
const FAILED_DAGS = { status: ["FAILED", "PARTIAL"] };

function needsWorker({ waits_for: why }: QueueGroup): boolean {
  return why === "unroutable" || why === "draining";
}

export function useConcerns(origin: OriginChoice): Concerns {
  const now = useNow();
  const health = useHealth();
  const workers = useWorkers();
  const queue = useQueue();
  const gates = useOpenGates();
  const runs = useRegistry({ ...FAILED_RUNS, origin });
  const dags = useDags({ ...FAILED_DAGS, origin });
  const intercepts = useIntercepts({ window: "24h", origin });
  const all = [health, workers, queue, gates, runs, dags, intercepts];
  const storage = health.data?.storage;
  const failed = failedLately(runs.runs, now);
  const lists = {
    gates: gates.data ?? [],
    runs: failed,
    intercepts: withoutListed(intercepts.data?.data ?? [], failed),
    dags: failedDagsLately(dags.dags, now),
    unroutable: (queue.data?.groups ?? []).filter(needsWorker),
  };
  const hasNoWorker = workers.data !== undefined && !workers.data.some((worker) => worker.state === "connected");
  const lowDisk = storage?.is_low ? { freeBytes: storage.free_bytes } : null;
  const counted = Object.values(lists).reduce((sum, list) => sum + list.length, 0);
  return {
    ...lists,
    // Without any worker every label is missing; say so once.
    unroutable: hasNoWorker ? [] : lists.unroutable,
    hasNoWorker,
    lowDisk,
    workers: workers.data,
    queued: queue.data?.total,
    total: (hasNoWorker ? counted - lists.unroutable.length + 1 : counted) + (lowDisk ? 1 : 0),
    isPending: all.some((one) => one.isPending),
    error: all.find((one) => one.isError && one.data === undefined)?.error ?? null,
    refetch: () => {
      for (const one of all) void one.refetch();
    },
  };
}

const RECENT_MS = 24 * 60 * 60 * 1000;

/** Returns runs that failed within the last day, latest first. */
export function failedLately(runs: readonly RunView[], now: number): RunView[] {
  return runs
    .filter((run) => run.status === "failed" && isRecent(run.ended_at, now))
    .sort((one, other) => (other.ended_at ?? "").localeCompare(one.ended_at ?? ""));
}

/** Returns critical intercepts without the runs that are already listed. */
export function withoutListed(intercepts: readonly InterceptView[], told: readonly RunView[]): InterceptView[] {
  const ids = new Set(told.map((run) => run.run_id));
  return intercepts.filter(({ run }) => !ids.has(run.run_id));
}

/** A failed DAG outside runs; `times` counts those with the same name. */
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
      dag.counts.failed > 0 && // a cancelled DAG needs no attention
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

/** Totals of the cluster over all labels. */
interface ClusterFacts {
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
