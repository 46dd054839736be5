import { useId, useState } from "react";
import { Link } from "react-router";
import { useChange } from "../../api/changes";
import type { Gate } from "../../api/facts";
import { type Decision, decide, type Outcome, rereadGates, useBehind } from "../../api/gates";
import { Button } from "../../parts/Button";
import { useNow } from "../../parts/clock";
import { count } from "../../parts/format";
import { Status } from "../../parts/Status";
import { Time } from "../../parts/Time";
import { dagPath } from "../../parts/url";
import { WordsField } from "../../parts/WordsField";
import { AskDialog } from "./AskDialog";
import { isUrgent } from "./decided";
import { ReviewFiles } from "./ReviewFiles";

interface Props {
  gate: Gate;
  isSettled: boolean;
  canDecide: boolean;
  isChosen: boolean;
  onChoose: () => void;
  asked: Outcome | null;
  onAsk: (outcome: Outcome | null) => void;
}

/** One gate: the question, whose it is, what to look at, what follows, and the two buttons. */
export function GateCard({ gate, isSettled, canDecide, isChosen, onChoose, asked, onAsk }: Props) {
  const [comment, setComment] = useState("");
  const heading = useId();
  const change = useChange<Decision, Gate | undefined>(
    decide,
    (_answer, what) => `${what.outcome === "approve" ? "Approved" : "Rejected"}: ${gate.name} of ${gate.dag_name}`,
  );
  function perform(outcome: Outcome): void {
    onAsk(null);
    change.run({ gateId: gate.gate_id, outcome, comment }, { onSettled: rereadGates });
  }
  return (
    <article
      className="card approvals-gate"
      data-gate={gate.gate_id}
      data-at={isChosen || undefined}
      data-settled={isSettled || undefined}
      tabIndex={-1}
      aria-labelledby={heading}
      onFocus={onChoose}
    >
      <h2 id={heading} className="approvals-message" dir="auto">
        {gate.message || `May ${gate.name} go on?`}
      </h2>
      <Whose gate={gate} />
      {isSettled ? (
        <WhatCame gate={gate} />
      ) : (
        <>
          <Since gate={gate} />
          <ReviewFiles gate={gate} />
          {canDecide ? (
            <div className="approvals-decide">
              <WordsField label="Comment (kept with the decision)" value={comment} onChange={setComment} />
              <div className="approvals-buttons">
                <Button kind="main" busy={change.isPending} onClick={() => perform("approve")}>
                  ✓ Approve
                </Button>
                <Button kind="danger" busy={change.isPending} onClick={() => onAsk("reject")}>
                  ✕ Reject …
                </Button>
              </div>
            </div>
          ) : null}
        </>
      )}
      {asked && !isSettled ? (
        <AskDialog
          gate={gate}
          outcome={asked}
          comment={comment}
          onComment={setComment}
          onYes={() => perform(asked)}
          onClose={() => onAsk(null)}
        />
      ) : null}
    </article>
  );
}

function Whose({ gate }: { gate: Gate }) {
  return (
    <p className="approvals-whose soft">
      <span dir="auto">
        <Link to={dagPath({ name: gate.dag_name, dag_id: gate.dag_id }, gate.gate_id)}>{gate.dag_name}</Link> ·{" "}
        {gate.name}
      </span>
      {gate.agent_run_id ? (
        <span dir="auto">
          run <Link to={`/agents?q=${encodeURIComponent(gate.agent_run_id)}`}>{gate.agent_run_id}</Link>
        </span>
      ) : null}
    </p>
  );
}

function Since({ gate }: { gate: Gate }) {
  const behind = useBehind(gate);
  const urgent = isUrgent(gate, useNow());
  return (
    <dl className="approvals-facts">
      <div>
        <dt>Open</dt>
        <dd>
          <Time at={gate.opened_at} as="age" />
        </dd>
      </div>
      <div>
        <dt>Expires</dt>
        <dd className={urgent ? "approvals-urgent" : undefined}>
          {urgent ? <span aria-hidden="true">⚠ </span> : null}
          <Time at={gate.expires_at} as="age" />
        </dd>
      </div>
      <div>
        <dt>Waits behind it</dt>
        <dd>
          <Behind names={behind} />
        </dd>
      </div>
    </dl>
  );
}

const FIRST_NAMES = 6;

function Behind({ names }: { names: string[] | undefined }) {
  if (!names) return <span className="faint">…</span>;
  if (names.length === 0) return <span>nothing</span>;
  const rest = names.length - FIRST_NAMES;
  return (
    <span dir="auto">
      {count(names.length, "job")}: {names.slice(0, FIRST_NAMES).join(", ")}
      {rest > 0 ? ` and ${rest.toLocaleString("en-US")} more` : null}
    </span>
  );
}

/** What came of a gate that was open on this page a moment ago. */
function WhatCame({ gate }: { gate: Gate }) {
  if (gate.state === "open") {
    return (
      <p className="approvals-outcome" role="status">
        No longer open …
      </p>
    );
  }
  return (
    <p className="approvals-outcome" role="status">
      <Status of={gate.state} />
      {gate.decided_by ? <span dir="auto">by {gate.decided_by}</span> : null}
      {gate.decided_at ? <Time at={gate.decided_at} as="age" /> : null}
      {gate.comment ? (
        <q className="soft" dir="auto">
          {gate.comment}
        </q>
      ) : null}
    </p>
  );
}
