import { useQueue } from "../../api/attention";
import { useDags } from "../../api/dags";
import type { Gate, Run, Worker } from "../../api/facts";
import { useOpenGates } from "../../api/gates";
import { useHealth } from "../../api/house";
import { useRuns } from "../../api/runs";
import { useWorkers } from "../../api/workers";
import { useNow } from "../../parts/clock";
import { type FailedDag, failedDagsLately, failedLately, type Unroutable, unroutable } from "./concerns";

/** Everything that needs somebody, read and kept true. */
export interface Concerns {
  gates: Gate[];
  runs: Run[];
  dags: FailedDag[];
  unroutable: Unroutable[];
  hasNoWorker: boolean;
  lowDisk: { freeBytes: number } | null;
  /** Those that are here; undefined while they are being read. */
  workers: readonly Worker[] | undefined;
  /** How many jobs wait for a worker. */
  queued: number | undefined;
  total: number;
  isPending: boolean;
  error: unknown;
  refetch: () => void;
}

const FAILED_RUNS = { q: "", status: ["failed"] };
const FAILED_DAGS = { status: ["FAILED", "PARTIAL"] };

export function useConcerns(): Concerns {
  const now = useNow();
  const health = useHealth();
  const workers = useWorkers();
  const queue = useQueue();
  const gates = useOpenGates();
  const runs = useRuns(FAILED_RUNS);
  const dags = useDags(FAILED_DAGS);
  const all = [health, workers, queue, gates, runs, dags];
  const storage = health.data?.storage;
  const lists = {
    gates: gates.data ?? [],
    runs: failedLately(runs.runs, now),
    dags: failedDagsLately(dags.dags, now),
    unroutable: unroutable(queue.data?.jobs ?? [], workers.data ?? []),
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
    queued: queue.data?.length,
    total: (hasNoWorker ? counted - lists.unroutable.length + 1 : counted) + (lowDisk ? 1 : 0),
    isPending: all.some((one) => one.isPending),
    error: all.find((one) => one.isError && one.data === undefined)?.error ?? null,
    refetch: () => {
      for (const one of all) void one.refetch();
    },
  };
}
