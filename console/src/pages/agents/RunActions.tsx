import type { RunView } from "../../api/recorded";
import { useCanChange } from "../../api/session";
import { Button } from "../../parts/Button";
import { canGoOn, isLive } from "./again";

export type Act = "cancel" | "resume" | "pin";

/** What can be done with a run: keep it, cancel it, have it go on. */
export function RunActions({ run, onAct }: { run: RunView; onAct: (act: Act, run: RunView) => void }) {
  const canChange = useCanChange();
  const id = run.run_id;
  if (!canChange) return null;
  return (
    <>
      {isLive(run) ? (
        <Button kind="quiet" onClick={() => onAct("cancel", run)} aria-label={`Cancel ${id}`}>
          Cancel
        </Button>
      ) : null}
      {canGoOn(run) ? (
        <Button kind="quiet" onClick={() => onAct("resume", run)} aria-label={`Resume ${id}`}>
          Resume
        </Button>
      ) : null}
      <Button
        kind="quiet"
        className="agents-pin"
        aria-pressed={run.is_pinned}
        aria-label={`Pin ${id}`}
        title={run.is_pinned ? "Kept for ever: unpin it" : "Pin: keep it, its logs and files for ever"}
        onClick={() => onAct("pin", run)}
      >
        <span aria-hidden="true">{run.is_pinned ? "★" : "☆"}</span>
      </Button>
    </>
  );
}
