import { useState } from "react";
import { useChange } from "../../api/changes";
import type { Gate, Job } from "../../api/facts";
import { type Decision, decide, type Outcome, rereadGates } from "../../api/gates";
import { useCanChange } from "../../api/session";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Confirm";
import { count } from "../../parts/format";

/** The comment and the two buttons of an open gate. */
export function GateDecision({ gate, behind }: { gate: Job; behind: number }) {
  const canDecide = useCanChange();
  const [comment, setComment] = useState("");
  const [asks, setAsks] = useState(false);
  const change = useChange<Decision, Gate | undefined>(
    decide,
    (_answer, { outcome }) => `${outcome === "approve" ? "Approved" : "Rejected"}: ${gate.name}`,
    rereadGates,
  );
  const perform = (outcome: Outcome) => change.run({ gateId: gate.job_id, outcome, comment });
  if (!canDecide) return <p className="soft">Your token may look; deciding takes one of the role admin.</p>;
  return (
    <div className="dag-decide">
      <label>
        <span className="unseen">Comment, kept with the decision</span>
        <textarea
          className="field"
          dir="auto"
          rows={1}
          maxLength={10_000}
          placeholder="Comment, kept with the decision"
          value={comment}
          onChange={(event) => setComment(event.target.value)}
        />
      </label>
      <div className="dag-decide-buttons">
        <Button kind="main" busy={change.isPending} onClick={() => perform("approve")}>
          ✓ Approve
        </Button>
        <Button kind="danger" busy={change.isPending} onClick={() => setAsks(true)}>
          ✕ Reject …
        </Button>
      </div>
      {asks ? (
        <Confirm
          title="Reject this gate?"
          yes="✕ Reject"
          onYes={() => perform("reject")}
          onClose={() => setAsks(false)}
        >
          {behind > 0 ? `Then ${count(behind, "job")} behind it will be cancelled. ` : null}A gate is decided once.
          {comment ? "" : " You may say why in the comment before."}
        </Confirm>
      ) : null}
    </div>
  );
}
