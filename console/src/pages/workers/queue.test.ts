import { expect, test } from "vitest";
import type { Job } from "../../api/facts";
import { groupsOf, keyOfRow, rowsOf, shownReason } from "./queue";

function aJob(id: string, about: Partial<Job>): Job {
  const job: Partial<Job> = {
    job_id: id,
    name: id,
    dag_name: "nightly",
    status: "READY",
    requirement: "GENERAL",
    priority: 1,
    concurrency_key: null,
    submitted_at: "2026-11-21T17:00:00Z",
    ready_at: "2026-11-21T17:00:00Z",
    reason: "all GENERAL slots are busy",
  };
  return { ...job, ...about } as Job;
}

const WAITING = { status: "WAITING", ready_at: null } as const;
const QUEUE = [
  aJob("child", { ...WAITING, reason: "waits for 2 parent(s)" }),
  aJob("busy", {}),
  aJob("train", { requirement: "GPU", reason: "no worker offers GPU" }),
  aJob("asked", {
    status: "WAITING_APPROVAL",
    reason: "waits for approval until 2026-11-21T18:00:00.000+00:00: Ship?",
  }),
  aJob("again", { ...WAITING, reason: "waits until 2026-11-21T18:00:00.000+00:00 (after: exit code 1)" }),
  aJob("later", { ...WAITING, reason: "waits until 2026-11-21T18:00:00.000+00:00" }),
  aJob("keyed", { ...WAITING, concurrency_key: "db", reason: "waits for one of 1 place(s) under key 'db'" }),
  aJob("bound", { reason: "the worker it is bound to is away" }),
];

test("what needs somebody comes first, what goes by itself last", () => {
  const groups = groupsOf(QUEUE).map((group) => [group.title, group.jobs.map((job) => job.name)]);

  expect(groups).toEqual([
    ["No worker offers GPU", ["train"]],
    ["The worker they are bound to is away", ["bound"]],
    ["Waiting for approval", ["asked"]],
    ["All GENERAL slots are busy", ["busy"]],
    ["Waiting for a place under key “db”", ["keyed"]],
    ["Waiting to try again", ["again"]],
    ["Waiting for their time", ["later"]],
    ["Waiting for jobs before them", ["child"]],
  ]);
});

test("a job that failed before and waits for a label that nobody offers is with the others of that label", () => {
  const groups = groupsOf([
    aJob("a", { requirement: "GPU", reason: "no worker offers GPU" }),
    aJob("b", { requirement: "GPU", reason: "no worker offers GPU (after: exit code 1)" }),
    aJob("c", { requirement: "TPU", reason: "no worker offers TPU" }),
  ]);

  expect(groups.map((group) => [group.key, group.jobs.length])).toEqual([
    ["unroutable:GPU", 2],
    ["unroutable:TPU", 1],
  ]);
});

test("within a group jobs stand in the order in which they are taken", () => {
  const early = "2026-11-21T16:00:00Z";
  const [group] = groupsOf([aJob("late", {}), aJob("first", { priority: 9 }), aJob("early", { ready_at: early })]);

  expect(group?.jobs.map((job) => job.name)).toEqual(["first", "early", "late"]);
});

test("a reason that is new to this page is a group of its own, in the server's words", () => {
  expect(groupsOf([aJob("odd", { reason: "the moon is in the way" })])[0]?.title).toBe("The moon is in the way");
});

test("large groups and those that wait for other jobs are folded at first; a turn opens them", () => {
  const many = Array.from({ length: 20 }, (_, place) => aJob(`many-${place}`, {}));
  const groups = groupsOf([...many, ...QUEUE.slice(0, 1), ...QUEUE.slice(2, 3)]);

  expect(rowsOf(groups, []).map(keyOfRow)).toEqual([
    "group unroutable:GPU",
    "train",
    "group slots:GENERAL",
    "group parents",
  ]);
  expect(rowsOf(groups, ["slots:GENERAL", "unroutable:GPU"])).toHaveLength(3 + 20);
});

test("times in a reason are shown as the page shows times", () => {
  expect(shownReason(QUEUE[4] as Job, (at) => new Date(at).toISOString().slice(11, 16))).toBe(
    "waits until 18:00 (after: exit code 1)",
  );
});
