import { useDags } from "../../api/dags";
import type { Gate, QueueGroup, Worker } from "../../api/facts";
import { useOpenGates } from "../../api/gates";
import { useHealth } from "../../api/house";
import type { InterceptView, RunView } from "../../api/recorded";
import { useIntercepts, useRegistry } from "../../api/registry";
import { ALL_RUNS } from "../../api/registryFilter";
import { useQueue, useWorkers } from "../../api/workers";
import { useNow } from "../../parts/clock";
import { type FailedDag, failedDagsLately, failedLately, untold } from "./concerns";

/** Everything that needs somebody, read and kept true. */
export interface Concerns {
  gates: Gate[];
  runs: RunView[];
  /** Recorded runs of today that broke, cost too much or were often stopped; without those that `runs` tells of. */
  intercepts: InterceptView[];
  dags: FailedDag[];
  /** Jobs that no worker will take, by the label that is missing. */
  unroutable: QueueGroup[];
  hasNoWorker: boolean;
  lowDisk: { freeBytes: number } | null;
  /** Those that are here; undefined while they are being read. */
  workers: readonly Worker[] | undefined;
  /** How many jobs wait, for whatever. */
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

export function useConcerns(): Concerns {
  const now = useNow();
  const health = useHealth();
  const workers = useWorkers();
  const queue = useQueue();
  const gates = useOpenGates();
  const runs = useRegistry(FAILED_RUNS);
  const dags = useDags(FAILED_DAGS);
  const intercepts = useIntercepts({ window: "24h" });
  const all = [health, workers, queue, gates, runs, dags, intercepts];
  const storage = health.data?.storage;
  const failed = failedLately(runs.runs, now);
  const lists = {
    gates: gates.data ?? [],
    runs: failed,
    intercepts: untold(intercepts.data?.data ?? [], failed),
    dags: failedDagsLately(dags.dags, now),
    unroutable: (queue.data?.groups ?? []).filter(needsWorker),
  };
  const hasNoWorker = workers.data !== undefined && !workers.data.some((worker) => worker.state === "connected");
  const lowDisk = storage?.is_low ? { freeBytes: storage.free_bytes } : null;
  const counted = Object.values(lists).reduce((sum, list) => sum + list.length, 0);
  return {
    ...lists,
    // Without any worker every label is missing; that is said once.
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
