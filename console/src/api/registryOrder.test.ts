import { expect, test } from "vitest";
import type { Order, RunSort, RunView } from "./recorded";
import { comesBefore, withRuns } from "./registryOrder";

function aRun(run_id: string, facts: { started?: string; cost?: string; duration?: number | null } = {}) {
  const { started = "2026-11-21T10:00:00Z", cost = "0", duration = null } = facts;
  return {
    run_id,
    started_at: started,
    duration_ms: duration,
    tally: { cost_usd: cost, calls: 0, success_rate: null },
  } as RunView;
}

function inOrder(runs: RunView[], sort: RunSort, order: Order): string[] {
  const isBefore = comesBefore(sort, order);
  return runs.toSorted((one, other) => (isBefore(one, other) ? -1 : 1)).map((run) => run.run_id);
}

test("the newest run stands first, whatever digits its moment is told with", () => {
  const runs = [aRun("a", { started: "2026-11-21T10:00:00.5Z" }), aRun("b", { started: "2026-11-21T10:00:01Z" })];

  expect(inOrder(runs, "started", "desc")).toEqual(["b", "a"]);
});

test("costs are compared as numbers, and equal ones by id", () => {
  const runs = [aRun("a", { cost: "9.5" }), aRun("b", { cost: "10" }), aRun("c", { cost: "9.50" })];

  expect(inOrder(runs, "cost", "desc")).toEqual(["b", "c", "a"]);
});

test("a duration that is not known yet stands last in both directions", () => {
  const runs = [aRun("long", { duration: 9 }), aRun("runs"), aRun("short", { duration: 1 })];

  expect(inOrder(runs, "duration", "desc")).toEqual(["long", "short", "runs"]);
  expect(inOrder(runs, "duration", "asc")).toEqual(["short", "long", "runs"]);
});

test("a run whose cost grew moves to its new place, and one that matches no more leaves", () => {
  const rows = [aRun("a", { cost: "3" }), aRun("b", { cost: "2" }), aRun("c", { cost: "1" })];
  const pages = { pages: [{ rows, more: false }], pageParams: [null] };

  const next = withRuns(pages, ["b", "c"], [aRun("c", { cost: "4" })], { sort: "cost", order: "desc" });

  expect(next?.pages[0]?.rows.map((run) => run.run_id)).toEqual(["c", "a"]);
});
