import { expect, test } from "vitest";
import type { ActionKind, Outcome, SkeletonAnswer } from "../../api/types";
import { compareRuns } from "./differences";

interface Told {
  name: string;
  kind?: ActionKind;
  outcome?: Outcome | null;
  cost?: string | null;
  ms?: number;
}

function aRun(...calls: Told[]): SkeletonAnswer {
  const names = [...new Set(calls.map((call) => call.name))];
  return {
    run: { status: "completed", reason: null, first_error: null },
    names,
    id: calls.map((_, at) => `id${at}`),
    number: calls.map((_, at) => at + 1),
    kind: calls.map((call) => call.kind ?? "tool"),
    name: calls.map((call) => names.indexOf(call.name)),
    outcome: calls.map((call) => (call.outcome === undefined ? "success" : call.outcome)),
    cost_usd: calls.map((call) => (call.cost === undefined ? "0.1" : call.cost)),
    duration_ns: calls.map((call) => (call.ms === undefined ? 1e9 : call.ms < 0 ? -1 : call.ms * 1e6)),
  } as unknown as SkeletonAnswer;
}

function differences(a: SkeletonAnswer, b: SkeletonAnswer): string[] {
  return compareRuns(a, b).calls.map((call) => `${(call.a ?? call.b)?.name}: ${call.differences.join(", ") || "same"}`);
}

test("outcome, cost and duration of calls that match are compared each", () => {
  const a = aRun({ name: "plan" }, { name: "search", ms: 1000 }, { name: "write", cost: "0.10" });
  const b = aRun({ name: "plan", outcome: "error" }, { name: "search", ms: 1600 }, { name: "write", cost: "0.2" });

  expect(differences(a, b)).toEqual(["plan: outcome", "search: duration", "write: cost"]);
});

test("a few milliseconds or tokens more are no difference", () => {
  const a = aRun({ name: "short", ms: 1 }, { name: "long", ms: 10_000 }, { name: "cost", cost: "0.10" });
  const b = aRun({ name: "short", ms: 90 }, { name: "long", ms: 12_000 }, { name: "cost", cost: "0.105" });

  expect(differences(a, b)).toEqual(["short: same", "long: same", "cost: same"]);
});

test("a cost that is unknown is not the same as no cost", () => {
  expect(differences(aRun({ name: "x", cost: null }), aRun({ name: "x", cost: "0" }))).toEqual(["x: cost"]);
  expect(differences(aRun({ name: "x", cost: null }), aRun({ name: "x", cost: null }))).toEqual(["x: same"]);
});

test("a call that one run alone made stands where it was made, and its name is counted", () => {
  const a = aRun({ name: "plan" }, { name: "write" });
  const b = aRun({ name: "plan" }, { name: "search" }, { name: "write" });

  expect(differences(a, b)).toEqual(["plan: same", "search: only in B", "write: same"]);
  expect(compareRuns(a, b).counts).toEqual([{ name: "search", a: 0, b: 1 }]);
});

test("names of calls that went wrong are counted first, then those that one run called much more often", () => {
  const a = aRun({ name: "plan" }, { name: "fetch" }, { name: "fetch" });
  const b = aRun({ name: "parse", outcome: "error" });

  expect(compareRuns(a, b).counts.map(({ name }) => name)).toEqual(["parse", "fetch", "plan"]);
});

test("what only groups calls is not compared", () => {
  expect(differences(aRun({ name: "agent", kind: "agent" }, { name: "x" }), aRun({ name: "x" }))).toEqual(["x: same"]);
});

test("runs that ended otherwise differ, also where their actions do not", () => {
  const ended = (status: string, reason: string | null = null, first_error: string | null = null) =>
    ({ ...aRun({ name: "x" }), run: { status, reason, first_error } }) as unknown as SkeletonAnswer;
  const isOther = (a: SkeletonAnswer, b: SkeletonAnswer) => compareRuns(a, b).isOtherEnd;

  expect([
    isOther(ended("completed"), ended("failed")),
    isOther(ended("failed", "gave up"), ended("failed", "no money")),
    isOther(ended("failed", "gave up", "KeyError: a"), ended("failed", "gave up", "KeyError: b")),
    isOther(ended("failed", null, "KeyError: a"), ended("failed", "KeyError: a")),
    isOther(ended("completed", null, "KeyError: a"), ended("completed")),
  ]).toEqual([true, true, false, false, false]);
});
