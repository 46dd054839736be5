import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { api } from "../../api/client";
import type { Job } from "../../api/facts";
import { useRefetchOn } from "../../api/query";
import { Refusal } from "../../api/refusal";
import { Empty } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { useUrl } from "../../parts/url";
import { Log } from "./Log";
import "./log.css";

/** The output of one job, whole and live. */
export function LogPage() {
  const { job: name = "" } = useParams();
  const [url] = useUrl();
  const within = { run: url.get("run"), dag: url.get("dag") };
  const {
    data: job,
    error,
    refetch,
  } = useQuery({
    queryKey: ["log-job", name, within],
    queryFn: async ({ signal }) => {
      const params = { path: { job: name }, query: within };
      return (await api.GET("/api/jobs/{job}", { params, signal })).data ?? null;
    },
  });
  useRefetchOn((event) => event.job_id !== null && event.job_id === job?.job_id, refetch);
  if (job && isWithin(job, within)) return <Log key={job.job_id} job={job} />;
  const isUnknown = job || (error instanceof Refusal && error.status === 404);
  return (
    <Page title={name}>
      {isUnknown ? <Unknown within={within} /> : null}
      {error && !isUnknown ? (
        <Empty title={error.message}>
          {error instanceof Refusal ? error.problem.next_step : "It is asked again when the server is back."}
        </Empty>
      ) : null}
    </Page>
  );
}

interface Within {
  run: string | null;
  dag: string | null;
}

/** The server looks for a name elsewhere, too, when it is not where it was asked for; here that would be a wrong log. */
function isWithin(job: Job, { run, dag }: Within): boolean {
  return (run === null || job.agent_run_id === run) && (dag === null || job.dag_id === dag);
}

function Unknown({ within: { run, dag } }: { within: Within }) {
  return (
    <Empty title={`There is no such job${run || dag ? " in there" : ""}`}>
      <p>
        Its name or id may be mistyped, or it is old, and was deleted with its {run ? "run" : "submission"}. Look for it
        in{" "}
        {run ? (
          <Link to={`/agents?open=${encodeURIComponent(run)}`}>the run {run}</Link>
        ) : (
          <Link to="/agents">Agent Runs</Link>
        )}{" "}
        or <Link to="/dags">DAG Pipelines</Link>: its panel there leads to its log.
      </p>
    </Empty>
  );
}
