import { expect, test } from "vitest";
import type { Freed } from "../../api/house";
import { goneLines } from "./freed";

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

  expect(goneLines(freed)).toEqual(["1 agent run", "2 logs, 2.0 KiB", "1,200 journal entries"]);
});

test("free room inside the database is nothing that goes", () => {
  expect(goneLines(NOTHING)).toEqual([]);
});
