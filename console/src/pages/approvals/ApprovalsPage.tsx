import { useRef, useState } from "react";
import { Link } from "react-router";
import { type Outcome, useOpenGates } from "../../api/gates";
import { useCanChange } from "../../api/session";
import { newClient } from "../../parts/command";
import { Empty } from "../../parts/Empty";
import { Failure } from "../../parts/Failure";
import { count } from "../../parts/format";
import { Page } from "../../parts/Page";
import { Decided } from "./Decided";
import { GateCard } from "./GateCard";
import { useCards } from "./useCards";
import { useGateKeys } from "./useGateKeys";
import "./approvals.css";

function example(): string {
  return `from titan_sdk import TitanClient, TitanJob

${newClient(window.location)}.submit_dag("letter", [
    TitanJob("draft", "draft.py", hitl_message="Send it to 4,000 people?"),
    TitanJob("send", "send.py", parents=["draft"]),
])`;
}

const NONE: never[] = [];

/** Gates that wait for a person, made for a phone too; below them what was decided, by whom and why. */
export function ApprovalsPage() {
  const found = useOpenGates();
  const open = found.data ?? NONE;
  return (
    <Page title="Approvals" count={open.length}>
      {found.error ? <Failure of={found.error} again={found.refetch} /> : null}
      {found.data ? <Waiting open={open} /> : null}
      <Decided />
    </Page>
  );
}

function Waiting({ open }: { open: NonNullable<ReturnType<typeof useOpenGates>["data"]> }) {
  const cards = useCards(open);
  const canDecide = useCanChange();
  const [chosen, setChosen] = useState<string | null>(null);
  const [asked, setAsked] = useState<{ id: string; outcome: Outcome } | null>(null);
  const list = useRef<HTMLElement>(null);
  useGateKeys({
    move: (step) => {
      const at = cards.findIndex((card) => card.gate.gate_id === chosen);
      const next = cards[at < 0 ? 0 : Math.max(0, Math.min(cards.length - 1, at + step))];
      if (next) list.current?.querySelector<HTMLElement>(`[data-gate="${next.gate.gate_id}"]`)?.focus();
    },
    ask: (outcome) => {
      if (canDecide && chosen && open.some((gate) => gate.gate_id === chosen)) setAsked({ id: chosen, outcome });
    },
  });
  if (cards.length === 0) {
    return (
      <Empty title="Nothing waits for you" command={example()}>
        A <Link to="/help/gates">gate</Link> appears here as soon as the jobs before it are done. This puts one behind a
        job:
      </Empty>
    );
  }
  return (
    <section ref={list} className="approvals-open" aria-label="Open gates">
      <p className="soft" role="status">
        {open.length > 0
          ? `${count(open.length, "gate")} ${open.length === 1 ? "waits" : "wait"} for a decision`
          : "All decided"}
        {canDecide ? null : ". Your token may look; deciding takes one of the role admin."}
        {canDecide && open.length > 0 ? (
          <span className="approvals-keys faint">
            {" "}
            · <kbd>j</kbd> <kbd>k</kbd> choose, <kbd>a</kbd> approve, <kbd>r</kbd> reject
          </span>
        ) : null}
      </p>
      {cards.map(({ gate, isSettled }) => (
        <GateCard
          key={gate.gate_id}
          gate={gate}
          isSettled={isSettled}
          canDecide={canDecide}
          isChosen={chosen === gate.gate_id}
          onChoose={() => setChosen(gate.gate_id)}
          asked={asked?.id === gate.gate_id ? asked.outcome : null}
          onAsk={(outcome) => setAsked(outcome ? { id: gate.gate_id, outcome } : null)}
        />
      ))}
    </section>
  );
}
