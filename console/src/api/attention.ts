/** What Home asks besides runs, DAGs, gates and the queue: whether there was anything yet. */
import { useQuery } from "@tanstack/react-query";
import { api } from "./client";
import { useRefetchOn } from "./query";

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
