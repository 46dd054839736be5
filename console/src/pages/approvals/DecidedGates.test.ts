import { expect, test } from "vitest";
import type { Gate } from "../../api/types";
import { decidedGates, isUrgent } from "./DecidedGates";

const NOON = Date.parse("2026-03-12T12:00:00Z");

function aGate(name: string, state: string, more: Partial<Gate> = {}): Gate {
  return {
    name,
    state,
    dag_name: "d",
    message: "",
    decided_by: null,
    decided_at: null,
    comment: null,
    ...more,
  } as Gate;
}

test("gates that are not over are left out, and the latest decision stands first", () => {
  const gates = [
    aGate("a", "open"),
    aGate("b", "approved", { decided_at: "2026-03-12T10:00:00Z" }),
    aGate("c", "waiting"),
    aGate("d", "rejected", { decided_at: "2026-03-12T11:00:00Z" }),
  ];

  expect(decidedGates(gates, { q: "", states: [] }).map((gate) => gate.name)).toEqual(["d", "b"]);
});

test("a filter finds the words of a comment and keeps to the chosen states", () => {
  const gates = [aGate("a", "approved", { comment: "Checked twice" }), aGate("b", "rejected", { comment: "checked" })];

  expect(decidedGates(gates, { q: "CHECKED", states: ["rejected"] }).map((gate) => gate.name)).toEqual(["b"]);
});

test("a gate is urgent within the hour before it expires", () => {
  const ends = ["2026-03-12T12:59:00Z", "2026-03-12T13:01:00Z", null];

  expect(ends.map((expires_at) => isUrgent(aGate("a", "open", { expires_at }), NOON))).toEqual([true, false, false]);
});
