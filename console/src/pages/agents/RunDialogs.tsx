/** The buttons of an agent run, and the dialogs to cancel and resume it. */

import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import { useCanChange } from "../../api/session";
import type { RunView } from "../../api/types";
import { Button, Snippet } from "../../components/Button";
import { shellWord, titanCommand } from "../../components/command";
import { Dialog } from "../../components/Dialog";
import { count } from "../../components/format";

export type RunAction = "cancel" | "resume" | "pin";

/** The buttons of an agent run: pin, cancel, resume. */
export function RunActions({ run, onAction }: { run: RunView; onAction: (action: RunAction, run: RunView) => void }) {
  const canChange = useCanChange();
  const id = run.run_id;
  if (!canChange) return null;
  return (
    <>
      {isLive(run) ? (
        <Button kind="quiet" onClick={() => onAction("cancel", run)} aria-label={`Cancel ${id}`}>
          Cancel
        </Button>
      ) : null}
      {canGoOn(run) ? (
        <Button kind="quiet" onClick={() => onAction("resume", run)} aria-label={`Resume ${id}`}>
          Resume
        </Button>
      ) : null}
      <Button
        kind="quiet"
        className="agents-pin"
        aria-pressed={run.is_pinned}
        aria-label={`Pin ${id}`}
        title={
          run.is_pinned
            ? "Pinned: never deleted. Click to unpin."
            : "Pin: exclude the run, its logs and files from retention"
        }
        onClick={() => onAction("pin", run)}
      >
        <span aria-hidden="true">{run.is_pinned ? "★" : "☆"}</span>
      </Button>
    </>
  );
}

/** Confirms the cancellation of a run. */
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
          <Button onClick={onClose}>Keep running</Button>
          <Button kind="danger" busy={cancel.isPending} onClick={() => cancel.run(null)}>
            Cancel the run
          </Button>
        </>
      }
    >
      <p>
        Titan ends running jobs with every process they started, and cancels waiting jobs. Completed jobs keep their
        logs, files and results. You can resume the run later.
      </p>
      {run.orchestrator ? (
        <p className="soft">The program on {run.orchestrator.host} is notified when it submits its next stage.</p>
      ) : null}
    </Dialog>
  );
}

/** Explains what resuming does, and does it or shows the command. */
export function ResumeRun({ run, onClose }: { run: RunView; onClose: () => void }) {
  const id = run.run_id;
  const makers = makersOf(run);
  const resume = useChange(
    async (_: null, headers) =>
      (await api.POST("/api/v1/runs/{run}/resume", { params: { path: { run: id } }, headers })).data,
    `${id} resumed.`,
    onClose,
  );
  const retry = useChange(
    async (_: null, headers) =>
      (await api.POST("/api/v1/runs/{run}/retry", { params: { path: { run: id } }, headers })).data,
    (done) => `${id}: ${count(done?.retried.length ?? 0, "job")} will run again.`,
    onClose,
  );
  const canRetry = (run.stages ?? []).some((stage) => stage.counts.failed + stage.counts.cancelled > 0);
  return (
    <Dialog
      title={`Resume ${id}`}
      onClose={onClose}
      wide
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          {canRetry ? (
            <Button busy={retry.isPending} onClick={() => retry.run(null)}>
              Retry failed jobs only
            </Button>
          ) : null}
          {makers.job ? (
            <Button kind="main" busy={resume.isPending} onClick={() => resume.run(null)}>
              Resume
            </Button>
          ) : null}
        </>
      }
    >
      <p>
        Resume starts the program that submits this run's stages again. Completed stages return their stored results and
        do not run twice; the failed stage and the stages after it run again.
      </p>
      <How run={run} makers={makers} />
    </Dialog>
  );
}

function How({ run, makers }: { run: RunView; makers: Makers }) {
  const id = run.run_id;
  if (makers.job) return <p className="soft">A Titan job submitted the stages. Titan retries that job.</p>;
  if (makers.program) {
    const { command, directory, host } = makers.program;
    return (
      <>
        <p>
          The program runs outside Titan. Start it where it ran, on <b dir="auto">{host}</b>:
        </p>
        <Snippet text={titanCommand(["runs", "resume", id], window.location)} />
        <dl className="agents-facts">
          <dt>Command</dt>
          <dd className="mono" dir="auto">
            {command.map(shellWord).join(" ")}
          </dd>
          <dt>Directory</dt>
          <dd className="mono" dir="auto">
            {directory}
          </dd>
        </dl>
      </>
    );
  }
  return (
    <>
      <p>Titan does not know the program. Start it yourself with the run's id:</p>
      <Snippet text={`TITAN_RESUME_RUN_ID=${shellWord(id)} python your_agent.py`} />
      <p className="soft">
        <code>titan_sdk.new_run_id</code> reads this variable.
      </p>
    </>
  );
}

/** Who submits the stages of a run: a program outside Titan, a job, or unknown. */
interface Makers {
  program: NonNullable<RunView["orchestrator"]> | null;
  job: string | null;
}

export function makersOf(run: RunView): Makers {
  return { program: run.orchestrator ?? null, job: run.stages?.findLast((stage) => stage.made_by)?.made_by ?? null };
}

/** Returns whether a run can be cancelled. */
export function isLive(run: RunView): boolean {
  return run.status === "running" || run.status === "pending";
}

/**
 * Returns whether a run can be resumed: it ended with incomplete stages, or a job submits its stages and none is live.
 * A run whose program is outside Titan must end first, because nobody knows whether the program runs.
 */
export function canGoOn(run: RunView): boolean {
  const stages = run.stages ?? [];
  if (stages.some((stage) => !stage.is_final)) return false;
  if (run.status === "failed" || run.status === "cancelled") return true;
  const isIncomplete = stages.some((stage) => stage.status !== "COMPLETED");
  return isIncomplete && (run.status === "completed" || makersOf(run).job !== null);
}
