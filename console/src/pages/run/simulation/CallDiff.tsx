import { Link } from "react-router";
import type { BodyView } from "../../../api/recordedRun";
import { type ComparedRow, useActionOf } from "../../../api/replays";
import { Dialog } from "../../../parts/Dialog";
import { Failure } from "../../../parts/Failure";
import { runPath } from "../../../parts/url";
import { linePairs } from "./jsonLines";

interface Props {
  run: string;
  other: string;
  row: ComparedRow;
  onClose: () => void;
}

/** One call of both runs: inputs and outputs side by side, line by line. */
export function CallDiff({ run, other, row, onClose }: Props) {
  const original = useActionOf(run, row.original_id);
  const replay = useActionOf(other, row.replay_id);
  const error = original.error ?? replay.error;
  const isLoading = original.isLoading || replay.isLoading;
  const [left, right] = [original.data?.bodies, replay.data?.bodies];
  return (
    <Dialog title={row.action} onClose={onClose} wide>
      {error ? <Failure of={error} /> : null}
      {isLoading ? <p className="faint">Reading …</p> : null}
      <div className="simulation-sides">
        <Side word="Original" run={run} action={row.original_id} />
        <Side word="Replay" run={other} action={row.replay_id} />
      </div>
      {isLoading || error ? null : (
        <>
          <Lines title="Inputs" original={left?.inputs} replay={right?.inputs} />
          <Lines title="Outputs" original={left?.outputs} replay={right?.outputs} />
          {left?.failure || right?.failure ? (
            <div className="simulation-sides">
              <span>{left?.failure ? `${left.failure.type}: ${left.failure.message}` : "–"}</span>
              <span>{right?.failure ? `${right.failure.type}: ${right.failure.message}` : "–"}</span>
            </div>
          ) : null}
        </>
      )}
    </Dialog>
  );
}

function Side({ word, run, action }: { word: string; run: string; action: string | null }) {
  return (
    <h3>
      {word} {action ? <Link to={runPath(run, action)}>Open</Link> : <span className="faint">not called</span>}
    </h3>
  );
}

type MaybeBody = BodyView | null | undefined;

function Lines({ title, original, replay }: { title: string; original: MaybeBody; replay: MaybeBody }) {
  const pairs = linePairs(original?.text ?? null, replay?.text ?? null);
  if (pairs.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <div className="simulation-diff mono" role="region" aria-label={title} tabIndex={0}>
        {pairs.map((pair, at) => (
          <div key={at} className="simulation-line" data-differs={pair.isEqual ? undefined : ""}>
            <span>{pair.original}</span>
            <span>{pair.replay}</span>
          </div>
        ))}
      </div>
    </>
  );
}
