import { useLayoutEffect, useRef, useState } from "react";
import type { Gate } from "../../api/facts";
import { gateOf } from "../../api/gates";

export interface Card {
  gate: Gate;
  /** It was open on this page and is no more: what came of it stands in its place until the page is left. */
  isSettled: boolean;
}

/**
 * The open gates, and in their places those that were open when this page last drew them: a decision, mine or somebody
 * else's, takes the buttons away and moves nothing under a finger.
 */
export function useCards(open: readonly Gate[]): Card[] {
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
  return merged(open, settled);
}

/** Returns both kinds in one order: by when they opened. One that opened anew is open. */
export function merged(open: readonly Gate[], settled: ReadonlyMap<string, Gate>): Card[] {
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
