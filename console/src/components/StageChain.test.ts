import { expect, test } from "vitest";
import type { Dag } from "../api/types";
import { cancelledBy, failedOf, foldedChain, iterationOf, progressOf } from "./StageChain";

const COUNTS = {
  total: 4,
  waiting: 0,
  waiting_approval: 0,
  ready: 0,
  running: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
};

function chainOf(...statuses: string[]): string {
  const stages = statuses.map((status) => ({ status: status as "COMPLETED" }));
  return foldedChain(stages)
    .map((link) => ("stage" in link ? link.stage : `${link.from}+${link.folded}`))
    .join(" ");
}

function completed(count: number): string[] {
  return Array.from({ length: count }, () => "COMPLETED");
}

test("the iteration is the highest ITER", () => {
  expect(iterationOf(["PLAN", "ITER1", "EVAL1", "ITER2"])).toBe(2);
  expect(iterationOf(["iter_9", "ITER10"])).toBe(10);
  expect(iterationOf(["PLAN", "LITERAL3", "ITERATE"])).toBeNull();
});

test("a short chain shows every stage", () => {
  expect(chainOf(...completed(3))).toBe("0 1 2");
  expect(chainOf(...completed(13))).toBe("0 1 2 3 4 5 6 7 8 9 10 11 12");
});

test("a long chain folds the completed stages of its middle", () => {
  expect(chainOf(...completed(50))).toBe("0 1 2+39 41 42 43 44 45 46 47 48 49");
});

test("a fold hides no stage that did not go well", () => {
  const statuses = completed(30);
  statuses[10] = "FAILED";
  statuses[12] = "PARTIAL";

  expect(chainOf(...statuses)).toBe("0 1 2+8 10 11 12 13+8 21 22 23 24 25 26 27 28 29");
});

test("every stage of a chain stands in it once", () => {
  for (let length = 0; length < 40; length += 1) {
    const stages = foldedChain(Array.from({ length }, (_, at) => ({ status: at % 7 ? "COMPLETED" : "FAILED" })));
    const shown = stages.flatMap((link) =>
      "stage" in link ? [link.stage] : Array.from({ length: link.folded }, (_, at) => link.from + at),
    );

    expect(shown).toEqual(Array.from({ length }, (_, at) => at));
  }
});

test("a box counts its jobs until all of them completed", () => {
  const counts = { ...COUNTS, completed: 2, failed: 1 };

  expect(progressOf({ status: "RUNNING", counts })).toBe("2/4");
  expect(progressOf({ status: "PARTIAL", counts })).toBe("2/4");
  expect(progressOf({ status: "COMPLETED", counts: { ...COUNTS, completed: 4 } })).toBeNull();
  expect(progressOf({ status: "RUNNING", counts: { ...COUNTS, total: 1, running: 1 } })).toBeNull();
});

test("a stage that somebody cancelled says who, once it has ended", () => {
  expect(cancelledBy({ is_final: true, cancelled_by: "ann" })).toBe("ann");
  expect(cancelledBy({ is_final: false, cancelled_by: "ann" })).toBe(null);
  expect(cancelledBy({ is_final: true, cancelled_by: null })).toBe(null);
});

test("a stage that goes on says how many of its jobs have failed", () => {
  const counts = { failed: 2 } as Dag["counts"];

  expect(failedOf({ is_final: false, counts })).toBe(2);
  expect(failedOf({ is_final: true, counts })).toBe(0);
});
