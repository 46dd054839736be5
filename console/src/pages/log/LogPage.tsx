import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { api, Refusal } from "../../api/client";
import { useRefetchOn } from "../../api/query";
import { Empty } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { Log } from "./Log";
import "./log.css";

/** The output of one job, whole and live. */
export function LogPage() {
  const { job: name = "" } = useParams();
  const {
    data: job,
    error,
    refetch,
  } = useQuery({
    queryKey: ["log-job", name],
    queryFn: async ({ signal }) =>
      (await api.GET("/api/jobs/{job}", { params: { path: { job: name } }, signal })).data ?? null,
  });
  useRefetchOn((event) => event.job_id !== null && event.job_id === job?.job_id, refetch);
  if (job) return <Log key={job.job_id} job={job} />;
  return (
    <Page title={name}>
      {error ? (
        <Empty title={error instanceof Refusal && error.status === 404 ? "There is no such job" : error.message}>
          {error instanceof Refusal ? error.problem.next_step : "It is asked again when the server is back."}
        </Empty>
      ) : null}
    </Page>
  );
}
