import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import type { RunView } from "../../api/recorded";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { shellWord, titanCommand } from "../../parts/command";
import { Dialog } from "../../parts/Dialog";
import { count } from "../../parts/format";
import { type Makers, makersOf } from "./again";

/** Says what resuming a run does, and has it go on, or gives the command that does. */
export function ResumeRun({ run, onClose }: { run: RunView; onClose: () => void }) {
  const id = run.run_id;
  const makers = makersOf(run);
  const resume = useChange(
    async (_: null, headers) =>
      (await api.POST("/api/v1/runs/{run}/resume", { params: { path: { run: id } }, headers })).data,
    `${id} goes on.`,
    onClose,
  );
  const retry = useChange(
    async (_: null, headers) =>
      (await api.POST("/api/v1/runs/{run}/retry", { params: { path: { run: id } }, headers })).data,
    (done) => `${id}: ${count(done?.retried.length ?? 0, "job")} tried again.`,
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
              Only try failed jobs again
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
        Resuming starts the program again that submits this run's stages. It takes the same way once more: stages that
        completed are answered from the record and not run twice; the stage that failed, and those behind it, are new
        work.
      </p>
      <How run={run} makers={makers} />
    </Dialog>
  );
}

function How({ run, makers }: { run: RunView; makers: Makers }) {
  const id = run.run_id;
  if (makers.job) return <p className="soft">A job of Titan submitted its stages: that job is tried again.</p>;
  if (makers.program) {
    const { command, directory, host } = makers.program;
    return (
      <>
        <p>
          That program runs outside of Titan, so it is started where it ran, on <b dir="auto">{host}</b>:
        </p>
        <Command text={titanCommand(["runs", "resume", id], window.location)} />
        <dl className="agents-facts">
          <dt>Starts</dt>
          <dd className="mono" dir="auto">
            {command.map(shellWord).join(" ")}
          </dd>
          <dt>In</dt>
          <dd className="mono" dir="auto">
            {directory}
          </dd>
        </dl>
      </>
    );
  }
  return (
    <>
      <p>Titan does not know which program that is, so start it yourself, with the run's id:</p>
      <Command text={`TITAN_RESUME_RUN_ID=${shellWord(id)} python your_agent.py`} />
      <p className="soft">
        A program that takes its id from <code>titan_sdk.new_run_id</code> finds it there.
      </p>
    </>
  );
}

function Command({ text }: { text: string }) {
  return (
    <div className="agents-command">
      <pre>{text}</pre>
      <CopyButton text={text} />
    </div>
  );
}
