import { useState } from "react";
import { useChange } from "../../../api/changes";
import { api } from "../../../api/client";
import { queries } from "../../../api/query";
import type { RunView } from "../../../api/recorded";
import { recordingKey } from "../../../api/recordedRun";
import { rereadRegistry } from "../../../api/registry";
import { Button } from "../../../parts/Button";
import { Dialog } from "../../../parts/Dialog";
import { WordsField } from "../../../parts/WordsField";

const ENDS = ["failed", "cancelled", "completed"] as const;
type End = (typeof ENDS)[number];

const WORDS: Record<End, string> = {
  failed: "Failed: its program died or broke off",
  cancelled: "Cancelled: somebody stopped it",
  completed: "Completed: it did what it was to do",
};

/** Says how a run ended whose program cannot say so any more. */
export function EndRun({ run, onClose }: { run: RunView; onClose: () => void }) {
  const [status, setStatus] = useState<End>("failed");
  const [why, setWhy] = useState("");
  const end = useChange(
    async (body: { status: End; error: string | null }) => {
      await api.POST("/api/v1/runs/{run}/end", { params: { path: { run: run.run_id } }, body });
    },
    (_, sent) => `It is ${sent.status}.`,
    () => {
      void queries.invalidateQueries({ queryKey: recordingKey(run.run_id) });
      rereadRegistry();
      onClose();
    },
  );
  return (
    <Dialog
      title={`End ${run.name ?? run.run_id}?`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Let it run</Button>
          <Button kind="danger" busy={end.isPending} onClick={() => end.run({ status, error: why.trim() || null })}>
            End the run
          </Button>
        </>
      }
    >
      <p>
        This says how it ended; it stops no program. A reported end stands. If something of it begins after all, it runs
        again.
      </p>
      <fieldset className="run-ends">
        <legend className="soft">How it ended</legend>
        {ENDS.map((one) => (
          <label key={one}>
            <input type="radio" name="end" checked={one === status} onChange={() => setStatus(one)} /> {WORDS[one]}
          </label>
        ))}
      </fieldset>
      <WordsField label="Why (others will read it)" value={why} onChange={setWhy} />
    </Dialog>
  );
}
