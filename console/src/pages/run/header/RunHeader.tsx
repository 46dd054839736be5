import { useEffect } from "react";
import type { RecordedRunView } from "../../../api/recorded";
import type { Recording } from "../../../api/recording";
import { Button } from "../../../parts/Button";
import { Progress } from "../../../parts/Progress";
import { RunBadge } from "../../../parts/RunBadge";
import { Time } from "../../../parts/Time";
import { TextSpans } from "../json/TextSpans";
import { RunActions } from "./RunActions";
import { RunFacts } from "./RunFacts";

interface Props {
  recording: Recording;
  onShow: (action: string) => void;
}

/** What the run is, how far it is, what it came to, and what can be done with it. */
export function RunHeader({ recording, onShow }: Props) {
  const { run } = recording;
  const title = run.name ?? run.run_id;
  useEffect(() => {
    document.title = `${title} · Titan`;
  }, [title]);
  return (
    <header className="run-head">
      <div className="run-title">
        <h1 className="cut" title={title}>
          <TextSpans text={title} />
        </h1>
        <RunBadge run={run} />
        {run.status === "running" ? <Progress of={run.progress} /> : null}
      </div>
      <RunActions run={run} />
      <RunFacts recording={recording} onShow={onShow} />
      {run.told_end ? <ToldEnd of={run.told_end} /> : null}
      <Trouble recording={recording} onShow={onShow} />
    </header>
  );
}

/** The end that the run was told before something of it began again. */
function ToldEnd({ of: { status, reason, at } }: { of: NonNullable<RecordedRunView["told_end"]> }) {
  return (
    <div className="run-trouble" data-bad={status === "failed" || undefined}>
      <p>
        It was said to have {status === "cancelled" ? "been " : ""}
        {status} (<Time at={at} />){reason ? <bdi>: {reason}</bdi> : null}. Something began after that; once nothing
        more comes, this end stands.
      </p>
    </div>
  );
}

/** Why the run ended as it did and its first error, with the way to the action that failed first. */
function Trouble({ recording: { run, rows }, onShow }: Props) {
  const reason = run.reason && run.reason !== run.first_error ? run.reason : null;
  const failed = run.first_error_id ?? rows.find((row) => row.outcome === "error")?.id ?? null;
  if (!reason && !run.first_error && !failed) return null;
  return (
    <div className="run-trouble" data-bad={run.status === "failed" || undefined}>
      <p dir="auto" title={[reason, run.first_error].filter(Boolean).join("\n")}>
        {reason}
        {reason && run.first_error ? <br /> : null}
        {run.first_error ? (
          <>
            <span className="run-trouble-word">First error</span> <bdi>{run.first_error}</bdi>
          </>
        ) : null}
        {reason || run.first_error ? null : "An action failed."}
      </p>
      {failed ? <Button onClick={() => onShow(failed)}>Show first failed action</Button> : null}
    </div>
  );
}
