import { useLayoutEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { gateOf, type Outcome, useOpenGates } from "../../api/gates";
import { useCanChange } from "../../api/session";
import type { Gate } from "../../api/types";
import { newClient } from "../../components/command";
import { EmptyState, ErrorNotice } from "../../components/EmptyState";
import { count } from "../../components/format";
import { usePageKeys } from "../../components/keyboard";
import { Page } from "../../components/Page";
import { Decided } from "./DecidedGates";
import { GateCard } from "./GateCard";
import "./approvals.css";

function example(): string {
  return `from titan_sdk import TitanClient, TitanJob

${newClient(window.location)}.submit_dag("letter", [
    TitanJob("draft", "draft.py", hitl_message="Send it to 4,000 people?"),
    TitanJob("send", "send.py", parents=["draft"]),
])`;
}

const NONE: never[] = [];

/** The Approvals page: open gates, then decided ones. It also suits phones. */
export function ApprovalsPage() {
  const found = useOpenGates();
  const open = found.data ?? NONE;
  return (
    <Page title="Approvals" count={open.length}>
      {found.error ? <ErrorNotice of={found.error} onRetry={found.refetch} /> : null}
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
      <EmptyState title="No open gates" command={example()}>
        A <Link to="/help/gates">gate</Link> appears here when the jobs before it complete. To add one after a job:
      </EmptyState>
    );
  }
  return (
    <section ref={list} className="approvals-open" aria-label="Open gates">
      <p className="soft" role="status">
        {open.length > 0
          ? `${count(open.length, "gate")} ${open.length === 1 ? "waits" : "wait"} for a decision`
          : "All decided"}
        {canDecide ? null : ". Your token is read-only: it cannot decide gates."}
        {canDecide && open.length > 0 ? (
          <span className="approvals-keys faint">
            {" "}
            · <kbd>j</kbd> <kbd>k</kbd> select, <kbd>a</kbd> approve, <kbd>r</kbd> reject
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

interface Card {
  gate: Gate;
  /** The gate was open on this page and is not any more: its outcome is shown in its place. */
  isSettled: boolean;
}

/**
 * The open gates, and in their places those that closed since the page was opened: a decision removes the buttons and
 * moves no other gate.
 */
function useCards(open: readonly Gate[]): Card[] {
  const [settled, setSettled] = useState<ReadonlyMap<string, Gate>>(new Map());
  const before = useRef<readonly Gate[]>([]);
  useLayoutEffect(() => {
    const ids = new Set(open.map((gate) => gate.gate_id));
    const gone = before.current.filter((gate) => !ids.has(gate.gate_id));
    before.current = open;
    if (gone.length === 0) return;
    function note(gates: readonly Gate[]): void {
      setSettled((old) => new Map([...old, ...gates.map((gate) => [gate.gate_id, gate] as const)]));
    }
    note(gone);
    void Promise.allSettled(gone.map((gate) => gateOf(gate.gate_id))).then((answers) =>
      note(answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []))),
    );
  }, [open]);
  return mergedCards(open, settled);
}

/** Returns both in the order they opened. */
function mergedCards(open: readonly Gate[], settled: ReadonlyMap<string, Gate>): Card[] {
  const ids = new Set(open.map((gate) => gate.gate_id));
  const over = [...settled.values()].filter((gate) => !ids.has(gate.gate_id));
  return [
    ...open.map((gate) => ({ gate, isSettled: false })),
    ...over.map((gate) => ({ gate, isSettled: true })),
  ].toSorted((one, other) => openedAt(one).localeCompare(openedAt(other)));
}

function openedAt(card: Card): string {
  return card.gate.opened_at ?? "";
}

interface GateKeys {
  move: (step: 1 | -1) => void;
  ask: (outcome: Outcome) => void;
}

/** Handles `j` and `k` (move), `a` and `r` (ask to approve or reject). */
function useGateKeys({ move, ask }: GateKeys): void {
  const isGoing = useRef(false); // `g a` opens the agents and approves nothing
  usePageKeys(({ key }) => {
    const isSecond = isGoing.current;
    isGoing.current = key === "g";
    if (isSecond) return;
    if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "a") ask("approve");
    else if (key === "r") ask("reject");
  });
}
