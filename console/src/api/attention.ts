/** What Home asks besides runs, DAGs, gates and the queue: whether there was anything yet. */
import { useQuery } from "@tanstack/react-query";
import { api } from "./client";
import { useRefetchOn, useRefetchOnRuns } from "./query";

/** Whether anything was ever submitted or recorded here; undefined while it is being read. */
export function useHasBegun(): boolean | undefined {
  const { data, refetch } = useQuery({
    queryKey: ["home", "begun"],
    queryFn: async ({ signal }) => (await hasDags(signal)) || (await hasRecordedRuns(signal)),
  });
  useRefetchOn((event) => !data && event.kind === "DagSubmitted", refetch);
  useRefetchOnRuns(() => !data, refetch);
  return data;
}

async function hasDags(signal: AbortSignal): Promise<boolean> {
  const { data } = await api.GET("/api/dags", { params: { query: { limit: 1 } }, signal });
  return Boolean(data?.dags.length);
}

async function hasRecordedRuns(signal: AbortSignal): Promise<boolean> {
  const query = { window: "all", limit: 1, include_archived: true } as const;
  const { data } = await api.GET("/api/v1/runs", { params: { query }, signal });
  return Boolean(data?.data.length);
}
