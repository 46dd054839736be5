/** What of the decided gates is shown. */
import type { Gate } from "../../api/facts";

export const DECIDED_STATES = ["approved", "rejected", "expired", "cancelled"] as const;

export interface DecidedFilter {
  q: string;
  states: readonly string[];
}

/** Returns the gates that are over and match, the latest decision first; those without a moment last. */
export function decidedGates(gates: readonly Gate[], filter: DecidedFilter): Gate[] {
  const words = filter.q.toLowerCase();
  return gates
    .filter((gate) => isOver(gate) && (filter.states.length === 0 || filter.states.includes(gate.state)))
    .filter((gate) => !words || textOf(gate).includes(words))
    .toSorted((one, other) => (other.decided_at ?? "").localeCompare(one.decided_at ?? ""));
}

export function isOver(gate: Gate): boolean {
  return gate.state !== "open" && gate.state !== "waiting";
}

/** Returns whether a gate closes by itself within the hour. */
export function isUrgent(gate: Gate, now: number): boolean {
  return gate.expires_at !== null && Date.parse(gate.expires_at) - now < 3_600_000;
}

function textOf(gate: Gate): string {
  return [gate.name, gate.dag_name, gate.agent_run_id, gate.message, gate.decided_by, gate.comment]
    .filter(Boolean)
    .join("\n")
    .toLowerCase();
}
