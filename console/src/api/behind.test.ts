import { expect, test } from "vitest";
import { namesBehind } from "./behind";
import type { Job } from "./facts";

function aJob(name: string, ...parents: string[]): Job {
  return { name, parents } as unknown as Job;
}

test("what waits behind a gate is found through all generations, each name once, nearest first", () => {
  const jobs = [
    aJob("draft"),
    aJob("ok", "draft"),
    aJob("send", "ok"),
    aJob("bill", "ok"),
    aJob("file", "send", "bill"),
  ];

  expect(namesBehind({ jobs }, "ok")).toEqual(["send", "bill", "file"]);
});

test("nothing waits behind the last gate", () => {
  expect(namesBehind({ jobs: [aJob("draft"), aJob("ok", "draft")] }, "ok")).toEqual([]);
});
