import { expect, test } from "vitest";
import type { RunView } from "../../api/types";
import { canGoOn, isLive, makersOf } from "./RunDialogs";

type Stage = NonNullable<RunView["stages"]>[number];

function aRun(status: RunView["status"], ...stages: Partial<Stage>[]): RunView {
  const final = stages.map((stage) => ({ is_final: true, made_by: null, ...stage }));
  return { status, stages: final, orchestrator: null } as unknown as RunView;
}

test("a run that lives can be cancelled, and not resumed", () => {
  expect(isLive(aRun("running"))).toBe(true);
  expect(isLive(aRun("pending"))).toBe(true);
  expect(canGoOn(aRun("running", { status: "FAILED" }))).toBe(false);
});

test("a run that broke off can be resumed, one that did all it had to cannot", () => {
  expect(canGoOn(aRun("failed"))).toBe(true);
  expect(canGoOn(aRun("cancelled"))).toBe(true);
  expect(canGoOn(aRun("completed", { status: "COMPLETED" }))).toBe(false);
  expect(canGoOn(aRun("completed", { status: "PARTIAL" }, { status: "COMPLETED" }))).toBe(true);
});

test("a silent run can be resumed where a job submitted its stages, for the server knows whether that job lives", () => {
  expect(canGoOn(aRun("running", { status: "FAILED" }, { status: "COMPLETED", made_by: "j1" }))).toBe(true);
  expect(canGoOn(aRun("running", { status: "FAILED", made_by: "j1" }, { status: "RUNNING", is_final: false }))).toBe(
    false,
  );
  expect(canGoOn(aRun("running", { status: "COMPLETED", made_by: "j1" }))).toBe(false);
});

test("the job that submitted the newest stage is the one that goes on", () => {
  const run = aRun("failed", { made_by: "j1" }, { made_by: "j2" }, { made_by: null });

  expect(makersOf(run)).toEqual({ program: null, job: "j2" });
});
