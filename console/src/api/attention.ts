/** What Home asks besides runs, DAGs and gates: what waits for a worker, and whether there was anything yet. */
import { useQuery } from "@tanstack/react-query";
import { api } from "./client";
import type { LiveEvent } from "./live";
import { useRefetchOn } from "./query";

const PAUSE_MS = 1_000;
const MOST_WAITING = 200;

/** Returns whether slots may have become free or busy, or workers have come or gone. */
function touchesCluster({ kind }: LiveEvent): boolean {
  return kind.startsWith("Worker") || kind.startsWith("Job");
}

/** Jobs that could start if a worker took them: the newest of them, and how many there are in all; live. */
export function useQueue() {
  const found = useQuery({
    queryKey: ["home", "queue"],
    queryFn: async ({ signal }) => {
      const query = { status: "READY", limit: MOST_WAITING } as const;
      const { data } = await api.GET("/api/jobs", { params: { query }, signal });
      const jobs = data?.jobs ?? [];
      return { jobs, length: data?.more ? ((await queueLength(signal)) ?? jobs.length) : jobs.length };
    },
  });
  useRefetchOn(touchesCluster, found.refetch, PAUSE_MS);
  return found;
}

/** Returns the server's own count of ready jobs; no list has to be read to its end for a number. */
async function queueLength(signal: AbortSignal): Promise<number | null> {
  const { data } = await api.GET("/metrics", { parseAs: "text", signal });
  const found = /^titan_jobs\{status="READY"\} ([\d.e+]+)$/m.exec(String(data));
  return found ? Number(found[1]) : null;
}

/** Whether anything was ever submitted here; undefined while it is being read. */
export function useHasBegun(): boolean | undefined {
  const { data, refetch } = useQuery({
    queryKey: ["home", "begun"],
    queryFn: async ({ signal }) =>
      Boolean((await api.GET("/api/dags", { params: { query: { limit: 1 } }, signal })).data?.dags.length),
  });
  useRefetchOn((event) => !data && event.kind === "DagSubmitted", refetch);
  return data;
}
