import { expect, test } from "vitest";
import type { Job, QueueGroup } from "../../api/types";
import { keyOfRow, type Row, rowsOf, shownReason, titleOf } from "./QueueList";

function aJob(id: string, about: Partial<Job> = {}): Job {
  return { job_id: id, name: id, reason: null, ...about } as Job;
}

/** A group of `count` jobs, the first `read` of which were read. */
function aGroup(name: string, count = 1, read = Math.min(count, 8)): QueueGroup {
  const [why, about = null] = name.split(":");
  const jobs = Array.from({ length: read }, (_, place) => aJob(`${name}-${place}`));
  const isKey = why === "concurrency";
  return {
    name,
    waits_for: why as QueueGroup["waits_for"],
    requirement: isKey ? null : about,
    confined_to: null,
    concurrency_key: isKey ? about : null,
    count,
    since: "2026-11-21T17:00:00Z",
    jobs,
  };
}

function more(rows: readonly Row[]) {
  return rows.flatMap((row) => (row.kind === "more" ? [[row.rest, row.next]] : []));
}

test("every group says what its jobs wait for", () => {
  const bound = ["worker_away:GPU", "worker_draining:GPU", "worker_busy:GPU"];
  const names = ["unroutable:GPU", ...bound, "draining:GPU", "slots:GPU", "concurrency:db", "parents"];

  expect(names.map((name) => titleOf(aGroup(name)))).toEqual([
    "No worker offers GPU",
    "The GPU worker they are bound to is away",
    "The GPU worker they are bound to is draining",
    "The GPU worker they are bound to is busy",
    "Every worker that offers GPU is draining",
    "All GPU slots are busy",
    "Concurrency limit of key “db” reached",
    "Waiting for parents",
  ]);
});

test("large groups and those that wait for other jobs are folded at first; a turn opens them", () => {
  const groups = [aGroup("unroutable:GPU"), aGroup("slots:GENERAL", 20), aGroup("parents")];

  expect(rowsOf(groups, []).map(keyOfRow)).toEqual([
    "group unroutable:GPU",
    "unroutable:GPU-0",
    "group slots:GENERAL",
    "group parents",
  ]);
  expect(rowsOf(groups, ["slots:GENERAL", "unroutable:GPU"]).map(keyOfRow)).toEqual([
    "group unroutable:GPU",
    "group slots:GENERAL",
    ...Array.from({ length: 8 }, (_, place) => `slots:GENERAL-${place}`),
    "more slots:GENERAL",
    "group parents",
  ]);
});

test("of a large group a hundred more are asked for at a time, up to what the server gives", () => {
  const toggledGroups = ["slots:GENERAL"];

  expect(more(rowsOf([aGroup("slots:GENERAL", 5000)], toggledGroups))).toEqual([[4992, 108]]);
  expect(more(rowsOf([aGroup("slots:GENERAL", 5000, 908)], toggledGroups))).toEqual([[4092, 1000]]);
  expect(more(rowsOf([aGroup("slots:GENERAL", 5000, 1000)], toggledGroups))).toEqual([[4000, null]]);
  expect(more(rowsOf([aGroup("slots:GENERAL", 500, 500)], toggledGroups))).toEqual([]);
});

test("times in a reason are shown as the page shows times", () => {
  const job = aJob("again", { reason: "waits until 2026-11-21T18:00:00.000+00:00 (after: exit code 1)" });

  expect(shownReason(job, (at) => new Date(at).toISOString().slice(11, 16))).toBe(
    "waits until 18:00 (after: exit code 1)",
  );
});
