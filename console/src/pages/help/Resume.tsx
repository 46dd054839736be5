import { Command } from "./Command";

export function Resume() {
  return (
    <>
      <p>What completed is kept. Mend the cause first; then go on where it broke off.</p>

      <h2>Try again</h2>
      <dl>
        <dt>Retry a job</dt>
        <dd>
          Tries a failed or cancelled job again, and what was cancelled because of it: in the same DAG, with all its
          retries anew.
        </dd>
        <dt>Retry a DAG or run</dt>
        <dd>The same for all of it; of a run's stages with one name only the last.</dd>
        <dt>Rerun a job</dt>
        <dd>Runs one job again with its script and arguments, as a DAG of its own; also one that completed.</dd>
        <dt>Redeploy a DAG</dt>
        <dd>Submits all of it once more; its gates open anew.</dd>
      </dl>
      <Command>
        {"titan retry train\ntitan retry --run RESEARCH_cb5e13\ntitan rerun train\ntitan rerun --dag nightly"}
      </Command>

      <h2 id="run">Resume an agent run</h2>
      <p>
        A program drives a run: it submits a stage, looks at what came of it, submits the next. To resume is to start
        that program again. It takes the same way; stages that completed are answered from the record, stages that
        failed in part are tried again, and what is new or was changed is new work.
      </p>
      <Command>{"titan runs resume RESEARCH_cb5e13"}</Command>
      <p>
        An orchestrator that is a job is retried at once. A program outside of Titan is started by this command, on the
        machine it ran on; the page can only reopen the run and show the command.
      </p>
      <p>
        For that the program must get the same run id again: take it from <code>titan_sdk.new_run_id("DIGEST")</code>,
        or pass the old one as an argument.
      </p>

      <h2>How a run ends</h2>
      <p>
        With the process that submitted its stages: failed if an uncaught exception or a status that is not 0 ended it,
        else as its stages say. Of a killed process nobody hears; such a run ends when nothing has happened for 2
        minutes.
      </p>
    </>
  );
}
