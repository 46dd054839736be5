import { type Replay, useCancelReplay } from "../../../api/replays";
import { useCanChange } from "../../../api/session";
import { Button } from "../../../parts/Button";
import { percent } from "../../../parts/format";

/** How far a replay is, and the way to end it. */
export function RunningReplay({ run, replay }: { run: string; replay: Replay }) {
  const cancel = useCancelReplay(run);
  const share = replay.progress;
  return (
    <div className="row" role="status">
      {share === null ? (
        <progress className="progress" aria-label="It runs" />
      ) : (
        <progress className="progress" max={1} value={share} aria-label={`${percent(share)} of the actions are read`} />
      )}
      <span className="soft">
        {replay.step ?? (share === null ? "Waiting …" : `${percent(share)} of the actions are read`)}
      </span>
      {useCanChange() ? (
        <Button busy={cancel.isPending} onClick={() => cancel.run(replay.id)}>
          Cancel
        </Button>
      ) : null}
    </div>
  );
}
