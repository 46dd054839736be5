import { useState } from "react";
import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import { queries } from "../../api/query";
import type { RecordedRunView } from "../../api/recorded";
import { notesKey } from "../../api/recordedRun";
import { rereadRegistry } from "../../api/registry";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";

/** Takes a run out of the critical intercepts, with a note that says why. */
export function Acknowledge({ run, onClose }: { run: RecordedRunView; onClose: () => void }) {
  const [why, setWhy] = useState("");
  const acknowledge = useChange(
    async (text: string) => {
      const body = { text, acknowledges: true, action_id: null, name: null, score: null, author: null };
      await api.POST("/api/v1/runs/{run}/notes", { params: { path: { run: run.run_id } }, body });
    },
    "It needs no attention any more.",
    () => {
      void queries.invalidateQueries({ queryKey: notesKey(run.run_id) });
      rereadRegistry();
      onClose();
    },
  );
  const text = why.trim();
  return (
    <Dialog
      title={`Acknowledge ${run.name ?? run.run_id}?`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Leave it</Button>
          <Button kind="main" busy={acknowledge.isPending} disabled={!text} onClick={() => acknowledge.run(text)}>
            Acknowledge
          </Button>
        </>
      }
    >
      <p>It leaves the critical intercepts until more is heard of it. What you say here stands among its notes.</p>
      <label className="stack">
        <span className="soft">Why it needs no attention any more</span>
        <textarea
          className="field"
          dir="auto"
          rows={2}
          maxLength={10_000}
          value={why}
          onChange={(event) => setWhy(event.target.value)}
        />
      </label>
    </Dialog>
  );
}
