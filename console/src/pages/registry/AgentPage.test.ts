import { expect, test } from "vitest";
import { everyDay, SHOWN_DAYS } from "./AgentPage";

test("days without a run stand between those with some", () => {
  const known = {
    day: "2026-11-19",
    runs: 3,
    completed: 1,
    failed: 1,
    attempts: 9,
    success: 8,
    cost_usd: "0.5",
    unpriced: 0,
    estimated: 0,
    determinism: 90,
  };

  const days = everyDay([known], Date.parse("2026-11-21T23:59:00Z"));

  expect(days).toHaveLength(SHOWN_DAYS);
  expect(days.slice(-3).map((day) => [day.day, day.runs])).toEqual([
    ["2026-11-19", 3],
    ["2026-11-20", 0],
    ["2026-11-21", 0],
  ]);
});
