import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import type { RunView } from "../../api/recorded";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { count } from "../../parts/format";

/** Asks before a run is cancelled: what runs is ended, and that cannot be taken back. */
export function CancelRun({ run, onClose }: { run: RunView; onClose: () => void }) {
  const id = run.run_id;
  const cancel = useChange(
    async (_: null, headers) =>
      (await api.POST("/api/v1/runs/{run}/cancel", { params: { path: { run: id } }, headers })).data,
    (done) =>
      done ? `${id}: ${count(done.cancelled.length, "job")} cancelled, ${done.stopping.length} stopping.` : id,
    onClose,
  );
  return (
    <Dialog
      title={`Cancel ${id}?`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Let it run</Button>
          <Button kind="danger" busy={cancel.isPending} onClick={() => cancel.run(null)}>
            Cancel the run
          </Button>
        </>
      }
    >
      <p>
        Jobs that run are ended, with every process they started; jobs that wait do not start. What completed keeps its
        logs, files and results, and the run can be resumed later.
      </p>
      {run.orchestrator ? (
        <p className="soft">Its program on {run.orchestrator.host} is notified with the next stage it submits.</p>
      ) : null}
    </Dialog>
  );
}
