import { expect, test, vi } from "vitest";
import type { Run } from "./facts";

vi.stubGlobal("window", { location: { origin: "http://127.0.0.1" } });
const { nextSilentEnd } = await import("./runs");

function aRun(id: string, facts: Partial<Run>): Run {
  return { agent_run_id: id, status: "running", last_activity_at: "2026-11-21T10:00:00Z", stages: [], ...facts } as Run;
}

test("a silent run is looked at again when the server takes it for ended", () => {
  const runs = [aRun("late", { last_activity_at: "2026-11-21T10:01:00Z" }), aRun("early", {})];

  expect(nextSilentEnd(runs)).toEqual({ at: Date.parse("2026-11-21T10:02:01Z"), ids: ["early"] });
});

test("a run with live jobs, or one that ended, is left to events", () => {
  const live = { is_final: false } as NonNullable<Run["stages"]>[number];

  expect(nextSilentEnd([aRun("live", { stages: [live] }), aRun("done", { status: "completed" })])).toBeNull();
});
