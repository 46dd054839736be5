import { useState } from "react";
import { useNavigate } from "react-router";
import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import type { Dag } from "../../api/facts";
import { useCanChange } from "../../api/session";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Confirm";
import { count } from "../../parts/format";
import { dagPath } from "../../parts/url";

/** Stop what is left of it, try again what did not succeed, submit it once more. */
export function DagActions({ dag }: { dag: Dag }) {
  const canChange = useCanChange();
  const navigate = useNavigate();
  const [asks, setAsks] = useState(false);
  const path = { dag: dag.dag_id };
  const stop = useChange(
    async (_: null, headers) => (await api.POST("/api/dags/{dag}/cancel", { params: { path }, headers })).data,
    (answer) =>
      `Stopped: ${count(answer?.cancelled.length ?? 0, "job")} cancelled, ${answer?.stopping.length ?? 0} stopping`,
  );
  const retry = useChange(
    async (_: null, headers) => (await api.POST("/api/dags/{dag}/retry", { params: { path }, headers })).data,
    (answer) => `${count(answer?.retried.length ?? 0, "job")} will run again; ${answer?.kept ?? 0} stay as they are`,
  );
  const redeploy = useChange(
    async (_: null, headers) => (await api.POST("/api/dags/{dag}/redeploy", { params: { path }, headers })).data,
    "Submitted once more",
    (answer) => answer && navigate(dagPath(answer)),
  );
  if (!canChange) return null;
  const { counts } = dag;
  const waiting = counts.waiting + counts.ready + counts.waiting_approval;
  return (
    <>
      {dag.is_final ? null : (
        <Button kind="danger" busy={stop.isPending} onClick={() => setAsks(true)}>
          Stop …
        </Button>
      )}
      {counts.failed + counts.cancelled > 0 ? (
        <Button busy={retry.isPending} onClick={() => retry.run(null)} title="Completed jobs are kept">
          Retry
        </Button>
      ) : null}
      <Button
        busy={redeploy.isPending}
        onClick={() => redeploy.run(null)}
        title="All jobs once more, as a new submission"
      >
        Redeploy
      </Button>
      {asks ? (
        <Confirm title={`Stop ${dag.name}?`} yes="Stop it" onYes={() => stop.run(null)} onClose={() => setAsks(false)}>
          {count(counts.running, "running job")} will be ended and {count(waiting, "waiting job")} cancelled. What
          completed is kept; a retry can run the others again from their beginning.
        </Confirm>
      ) : null}
    </>
  );
}
