import { useState } from "react";
import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import { queries } from "../../api/query";
import type { RunView } from "../../api/recorded";
import { type NewNoteBody, notesKey } from "../../api/recordedRun";
import { rereadRegistry } from "../../api/registry";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { WordsField } from "../../parts/WordsField";

/** Takes a run out of the critical intercepts, until more goes wrong in it or for good, with a note that says why. */
export function Acknowledge({ run, onClose }: { run: RunView; onClose: () => void }) {
  const [why, setWhy] = useState("");
  const [mutes, setMutes] = useState(false);
  const acknowledge = useChange(
    async (said: Pick<NewNoteBody, "text" | "acknowledges" | "mutes">) => {
      const body = { ...said, troubles: run.troubles, action_id: null, name: null, score: null, author: null };
      await api.POST("/api/v1/runs/{run}/notes", { params: { path: { run: run.run_id } }, body });
    },
    (_answer, { mutes }) => (mutes ? "It is muted." : "It needs no attention any more."),
    () => {
      void queries.invalidateQueries({ queryKey: notesKey(run.run_id) });
      rereadRegistry();
      onClose();
    },
  );
  const text = why.trim();
  return (
    <Dialog
      title={`${mutes ? "Mute" : "Acknowledge"} ${run.name ?? run.run_id}?`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Leave it</Button>
          <Button
            kind="main"
            busy={acknowledge.isPending}
            disabled={!text}
            onClick={() => acknowledge.run({ text, acknowledges: !mutes, mutes })}
          >
            {mutes ? "Mute" : "Acknowledge"}
          </Button>
        </>
      }
    >
      <p>
        It leaves the critical intercepts {mutes ? "until somebody unmutes it" : "until more goes wrong in it"}. What
        you say here stands among its notes.
      </p>
      <WordsField label="Why it needs no attention any more" value={why} onChange={setWhy} />
      <label className="runs-mutes">
        <input type="checkbox" checked={mutes} onChange={(event) => setMutes(event.target.checked)} />
        <span>
          Mute it for good <span className="soft">It does not come back, whatever more goes wrong in it.</span>
        </span>
      </label>
    </Dialog>
  );
}
