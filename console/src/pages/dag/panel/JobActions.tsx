import { useState } from "react";
import { useNavigate } from "react-router";
import { useChange } from "../../../api/changes";
import { api } from "../../../api/client";
import type { Job } from "../../../api/facts";
import { useCanChange } from "../../../api/session";
import { Button } from "../../../parts/Button";
import { Confirm } from "../../../parts/Confirm";
import { count } from "../../../parts/format";
import { dagPath } from "../../../parts/url";

/** Cancel, retry, rerun. */
export function JobActions({ job }: { job: Job }) {
  const canChange = useCanChange();
  const navigate = useNavigate();
  const [asks, setAsks] = useState(false);
  const params = { path: { job: job.job_id } };
  const cancel = useChange(
    async (_: null, headers) => (await api.POST("/api/jobs/{job}/cancel", { params, headers })).data,
    (answer) =>
      answer?.stopping.length ? `Stopping ${job.name}` : `Cancelled ${count(answer?.cancelled.length ?? 0, "job")}`,
  );
  const retry = useChange(
    async (_: null, headers) => (await api.POST("/api/jobs/{job}/retry", { params, headers })).data,
    (answer) => `${count(answer?.retried.length ?? 0, "job")} will run again`,
  );
  const rerun = useChange(
    async (_: null, headers) => (await api.POST("/api/jobs/{job}/rerun", { params, headers })).data,
    "Runs again, as a DAG of its own",
    (answer) => answer && navigate(dagPath(answer)),
  );
  if (!canChange) return null;
  const isOver = job.ended_at !== null;
  return (
    <div className="row">
      {isOver ? null : (
        <Button kind="danger" busy={cancel.isPending} disabled={job.cancel_requested} onClick={() => setAsks(true)}>
          {job.cancel_requested ? "Stopping …" : "Cancel …"}
        </Button>
      )}
      {job.status === "FAILED" || job.status === "CANCELLED" ? (
        <Button
          busy={retry.isPending}
          onClick={() => retry.run(null)}
          title="Try it again, and what was cancelled with it"
        >
          Retry
        </Button>
      ) : null}
      {isOver && job.kind !== "gate" ? (
        <Button
          busy={rerun.isPending}
          onClick={() => rerun.run(null)}
          title="Run again with the same inputs, as a DAG of its own"
        >
          Rerun
        </Button>
      ) : null}
      {asks ? (
        <Confirm
          title={`Cancel ${job.name}?`}
          yes="Cancel the job"
          onYes={() => cancel.run(null)}
          onClose={() => setAsks(false)}
        >
          {job.status === "RUNNING" ? "Its process is ended. " : ""}Jobs that wait for it are cancelled too. A retry
          runs them again from their beginning.
        </Confirm>
      ) : null}
    </div>
  );
}
