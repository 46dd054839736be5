import { expect, test } from "vitest";
import type { Freed } from "../../api/server";
import { freedLines, howToChange, shownValue } from "./SettingsPage";

function aRule(value: number, unit: string) {
  return { name: "TITAN_KEEP_RUNS_DAYS", value, unit, help: "" };
}

test("a value is told with its unit, and 0 as what it means", () => {
  const rules = [
    aRule(90, "days"),
    aRule(1, "days"),
    aRule(0, "days"),
    aRule(1024 ** 3, "bytes"),
    aRule(0, "bytes"),
    aRule(0.2, "share"),
    aRule(3, "times"),
    aRule(0, "times"),
  ];

  expect(rules.map(shownValue)).toEqual([
    "90 days",
    "1 day",
    "forever",
    "1.0 GiB",
    "no limit",
    "20 %",
    "3 times",
    "never",
  ]);
});

test("how to change a rule names its setting", () => {
  expect(howToChange(aRule(90, "days"))).toBe("TITAN_KEEP_RUNS_DAYS=90 titan up");
});

const NOTHING = {
  is_dry_run: true,
  runs: 0,
  dags: 0,
  jobs: 0,
  journal_entries: 0,
  recorded: 0,
  archived: 0,
  workers: 0,
  files: 0,
  keys: 0,
  logs: 0,
  log_bytes: 0,
  blobs: 0,
  blob_bytes: 0,
  database_unused_bytes: 4096,
} satisfies Freed;

test("only what goes is told, with its size where it has one", () => {
  const freed = { ...NOTHING, runs: 1, journal_entries: 1200, logs: 2, log_bytes: 2048 };

  expect(freedLines(freed)).toEqual(["1 agent run", "2 logs, 2.0 KiB", "1,200 journal entries"]);
});

test("free room inside the database is nothing that goes", () => {
  expect(freedLines(NOTHING)).toEqual([]);
});
