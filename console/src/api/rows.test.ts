import { expect, test } from "vitest";
import { allRows, comesBefore, type Pages, withRows, withRuns } from "./rows";
import type { Order, RunSort, RunView } from "./types";

interface Row {
  id: string;
  at: number;
  status: string;
}

const OLD = { id: "old", at: 1, status: "running" };
const NEW = { id: "new", at: 2, status: "running" };

function pagesOf(...rows: Row[][]): Pages<Row> {
  return { pages: rows.map((page) => ({ rows: page, more: true })), pageParams: rows.map(() => null) };
}

function after(asked: string[], found: Row[], pages = pagesOf([NEW], [OLD])): Row[] {
  const next = withRows(
    pages,
    asked,
    found,
    (row) => row.id,
    (row, than) => row.at > than.at,
  );
  return allRows(next);
}

test("a row that was read again takes its old place", () => {
  const done = { ...OLD, status: "completed" };

  expect(after(["old"], [done])).toEqual([NEW, done]);
});

test("a row that matches the filters no more leaves the list", () => {
  expect(after(["new"], [])).toEqual([OLD]);
});

test("rows the list did not hold stand on top, the newest first", () => {
  const [third, fourth] = [
    { id: "third", at: 3, status: "running" },
    { id: "fourth", at: 4, status: "running" },
  ];

  expect(after(["third", "fourth"], [third, fourth])).toEqual([fourth, third, NEW, OLD]);
});

test("a row from further down, whose page was not read yet, stays where it is", () => {
  expect(after(["ancient"], [{ id: "ancient", at: 0, status: "failed" }])).toEqual([NEW, OLD]);
});

test("a row that comes to match the filters takes its place among those that did before", () => {
  const between = { id: "between", at: 1.5, status: "failed" };

  expect(after(["between"], [between])).toEqual([NEW, between, OLD]);
});

test("the oldest row goes to the end of a list that was read to its end", () => {
  const ancient = { id: "ancient", at: 0, status: "failed" };
  const whole = { pages: [{ rows: [NEW, OLD], more: false }], pageParams: [null] };

  expect(after(["ancient"], [ancient], whole)).toEqual([NEW, OLD, ancient]);
});

test("an empty list takes what begins", () => {
  expect(after(["new"], [NEW], pagesOf([]))).toEqual([NEW]);
});

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
