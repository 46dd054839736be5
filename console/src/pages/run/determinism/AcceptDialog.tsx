import { type FormEvent, useState } from "react";
import { type Issue, useAcceptIssue } from "../../../api/determinism";
import { Button } from "../../../parts/Button";
import { Dialog } from "../../../parts/Dialog";

/** Asks why an issue does not matter; it then counts in no run of the agent. */
export function AcceptDialog({ run, issue, onClose }: { run: string; issue: Issue; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const accept = useAcceptIssue(run, onClose);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (reason.trim()) accept.run({ issue: issue.key, reason: reason.trim() });
  }
  return (
    <Dialog title={`Accept: ${issue.title}`} onClose={onClose} footer={<Button onClick={onClose}>Back</Button>}>
      <form className="determinism-accept" onSubmit={submit}>
        <p className="soft">
          It stays listed, with your name and reason, and lowers the score of no run of this agent. You can withdraw
          that.
        </p>
        <label>
          Why it does not matter
          <textarea
            className="field"
            rows={3}
            maxLength={2000}
            dir="auto"
            data-first
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </label>
        <Button kind="main" type="submit" busy={accept.isPending} disabled={!reason.trim()}>
          Accept
        </Button>
      </form>
    </Dialog>
  );
}
