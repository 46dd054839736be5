import { Link } from "react-router";
import type { Determinism, Measured } from "../../../api/determinism";
import { CopyButton } from "../../../parts/CopyButton";
import { DeterminismScore } from "../../../parts/DeterminismScore";
import { count } from "../../../parts/format";
import { Time } from "../../../parts/Time";

interface Props {
  run: string;
  of: Determinism;
  onSimulate: (replay: string) => void;
}

/** Predicted and measured, each with what it rests on. */
export function Sources({ run, of: { predicted, measured }, onSimulate }: Props) {
  return (
    <dl className="determinism-sources">
      <div className="card">
        <dt>Predicted</dt>
        <dd>
          <DeterminismScore of={predicted.score} />
        </dd>
        <dd className="soft">
          From {count(predicted.attempts, "call")}
          {predicted.files.length > 0 ? (
            <>
              {" and the source of "}
              <span title={predicted.files.join("\n")}>
                {predicted.files.length === 1 ? (
                  <bdi>{predicted.files[0]}</bdi>
                ) : (
                  count(predicted.files.length, "module")
                )}
              </span>
            </>
          ) : (
            ", without source code: none is stored"
          )}
          . Nothing was executed.
          {predicted.unread > 0
            ? ` The content of ${count(predicted.unread, "call")} is not stored or too large: only partly analysed.`
            : ""}
        </dd>
      </div>
      <div className="card">
        <dt>Measured</dt>
        {measured ? <OneMeasured of={measured} onSimulate={onSimulate} /> : <NotMeasured run={run} />}
      </div>
    </dl>
  );
}

function OneMeasured({ of, onSimulate }: { of: Measured; onSimulate: (replay: string) => void }) {
  const { low, high } = of.interval;
  return (
    <>
      <dd>
        <DeterminismScore of={of.score} />{" "}
        <span className="soft">
          in {count(of.executions, "execution")}, 95 % interval {low}–{high}
        </span>
      </dd>
      <dd className="soft">
        <bdi>{of.author}</bdi>, <Time at={of.at} />: <code>{of.command}</code>{" "}
        <button type="button" className="determinism-link" onClick={() => onSimulate(of.replay_id)}>
          Open replay
        </button>
      </dd>
      {of.counts ? null : (
        <dd className="determinism-uncounted">
          It does not count for this run, for another program was executed: {of.changes.join("; ")}
        </dd>
      )}
    </>
  );
}

function NotMeasured({ run }: { run: string }) {
  const command = `titan determinism ${run} --runs 10 -- python agent.py`;
  return (
    <>
      <dd>
        <DeterminismScore of={null} />
      </dd>
      <dd className="soft">
        Not measured. Execute its program several times, where its code is; it costs nothing.{" "}
        <Link to="/help/determinism#measured">How</Link>
      </dd>
      <dd className="row">
        <code>{command}</code> <CopyButton text={command} />
      </dd>
    </>
  );
}
