import { useEffect, useMemo } from "react";
import type { Recording, Row } from "../../../api/recording";
import { OUTCOMES, type RunView } from "../../../api/types";
import { Button } from "../../../components/Button";
import { Progress, RunBadge } from "../../../components/badges";
import { count } from "../../../components/format";
import { Time } from "../../../components/Time";
import { TextSpans } from "../content/TextSpans";
import { RunActions } from "./RunActions";
import { RunFacts } from "./RunFacts";

interface Props {
  recording: Recording;
  /** Shows an action in the Telemetry or Trace tab. */
  onShow: (action: string, tab?: "telemetry" | "trace") => void;
}

/** The header of a run: status, progress, facts and buttons. */
export function RunHeader({ recording, onShow }: Props) {
  const { run } = recording;
  const title = run.name ?? run.run_id;
  useEffect(() => {
    document.title = `${title} · Titan`;
  }, [title]);
  return (
    <header className="run-head">
      <div className="run-title">
        <h1 className="truncate" title={title}>
          <TextSpans text={title} />
        </h1>
        <RunBadge run={run} />
        {run.status === "running" ? <Progress of={run.progress} /> : null}
      </div>
      <RunActions run={run} />
      <RunFacts recording={recording} onShow={onShow} />
      {run.reported_end ? <ReportedEnd of={run.reported_end} /> : null}
      <LostEntries recording={recording} onShow={onShow} />
      <RunProblem recording={recording} onShow={onShow} />
    </header>
  );
}

/** The end that was reported before later actions. */
function ReportedEnd({ of: { status, reason, at } }: { of: NonNullable<RunView["reported_end"]> }) {
  return (
    <div className="run-problem" data-bad={status === "failed" || undefined}>
      <p>
        It was said to have {status === "cancelled" ? "been " : ""}
        {status} (<Time at={at} />){reason ? <bdi>: {reason}</bdi> : null}. Something began after that; once nothing
        more comes, this end stands.
      </p>
    </div>
  );
}

/** The number of entries lost before they were recorded. */
function LostEntries({ recording: { run, rows }, onShow }: Props) {
  const { lost } = run;
  const first = useMemo(() => rows.find(reportsLoss), [rows]);
  if (lost === 0) return null;
  return (
    <div className="run-problem" data-bad="">
      <p role="status">
        <span className="run-problem-word">
          {count(lost, "entry", "entries")} {lost === 1 ? "was" : "were"} lost
        </span>{" "}
        on {lost === 1 ? "its" : "their"} way here: what is shown and counted lacks {lost === 1 ? "it" : "them"}.
      </p>
      {first ? <Button onClick={() => onShow(first.id, "trace")}>Show when</Button> : null}
    </div>
  );
}

/** The reason and the first error, with a button to the failed action. */
function RunProblem({ recording: { run, rows }, onShow }: Props) {
  const reason = run.reason && run.reason !== run.first_error ? run.reason : null;
  const failed = run.first_error_id ?? rows.find((row) => row.outcome === "error" && !reportsLoss(row))?.id ?? null;
  const firstError = OUTCOMES.some((outcome) => outcome === run.first_error) ? null : run.first_error; // an outcome adds nothing
  if (!reason && !firstError && !failed) return null;
  return (
    <div className="run-problem" data-bad={run.status === "failed" || undefined}>
      <p dir="auto" title={[reason, firstError].filter(Boolean).join("\n")}>
        {reason}
        {reason && firstError ? <br /> : null}
        {firstError ? (
          <>
            <span className="run-problem-word">First error</span> <bdi>{firstError}</bdi>
          </>
        ) : null}
        {reason || firstError ? null : "An action failed without a message."}
      </p>
      {failed ? <Button onClick={() => onShow(failed)}>Show first failed action</Button> : null}
    </div>
  );
}

const NAME = "titan.entries_lost"; // an event of the SDK

/** Returns whether a row reports lost entries. */
export function reportsLoss(row: Pick<Row, "kind" | "name">): boolean {
  return row.kind === "event" && row.name === NAME;
}
