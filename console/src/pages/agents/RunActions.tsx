import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import type { Run } from "../../api/facts";
import { rereadRun } from "../../api/runs";
import { Button } from "../../parts/Button";
import { complain } from "../../parts/Toasts";
import { canGoOn, isLive } from "./again";

export type Act = "cancel" | "resume";

/** What can be done with a run: keep it, cancel it, have it go on. */
export function RunActions({ run, onAct }: { run: Run; onAct: (act: Act, run: Run) => void }) {
  const id = run.agent_run_id;
  const pin = useChange(
    async (isPinned: boolean, headers) => {
      const path = isPinned ? ("/api/runs/{run}/pin" as const) : ("/api/runs/{run}/unpin" as const);
      await api.POST(path, { params: { path: { run: id } }, headers });
      return isPinned;
    },
    (isPinned) => (isPinned ? `${id} is kept until it is unpinned.` : `${id} goes when it is old.`),
    () => void rereadRun(id).catch(complain),
  );
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
        aria-pressed={run.pinned}
        aria-label={`Pin ${id}`}
        title={run.pinned ? "Kept for ever: unpin it" : "Pin: keep it, its logs and files for ever"}
        busy={pin.isPending}
        onClick={() => pin.run(!run.pinned)}
      >
        <span aria-hidden="true">{run.pinned ? "★" : "☆"}</span>
      </Button>
    </>
  );
}
