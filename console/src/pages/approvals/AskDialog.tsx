import type { Gate } from "../../api/facts";
import { type Outcome, useBehind } from "../../api/gates";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { count } from "../../parts/format";
import { WordsField } from "../../parts/WordsField";

interface Props {
  gate: Gate;
  outcome: Outcome;
  comment: string;
  onComment: (comment: string) => void;
  onYes: () => void;
  onClose: () => void;
}

/** Asks once, so that a wrong key or finger decides nothing: a decision cannot be taken back. */
export function AskDialog({ gate, outcome, comment, onComment, onYes, onClose }: Props) {
  const behind = useBehind(gate)?.length ?? 0;
  const isApproval = outcome === "approve";
  const jobs = behind > 0 ? count(behind, "job") : "nothing";
  return (
    <Dialog
      title={isApproval ? "Approve this gate?" : "Reject this gate?"}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Back</Button>
          <Button kind={isApproval ? "main" : "danger"} onClick={onYes} data-first="">
            {isApproval ? "✓ Approve" : "✕ Reject"}
          </Button>
        </>
      }
    >
      <p className="approvals-message" dir="auto">
        {gate.message || gate.name}
      </p>
      <p className="soft">
        {isApproval ? `Then ${jobs} behind it may start.` : `Then ${jobs} behind it will be cancelled.`} A gate is
        decided once.
      </p>
      <WordsField label={isApproval ? "Comment" : "Why (others will read it)"} value={comment} onChange={onComment} />
    </Dialog>
  );
}
