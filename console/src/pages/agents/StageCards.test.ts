import { expect, test } from "vitest";
import type { Job } from "../../api/types";
import { mostRelevant } from "./StageCards";

function jobs(...statuses: Job["status"][]): Job[] {
  return statuses.map((status, at) => ({ name: `j${at}`, status }) as Job);
}

function names(...args: Parameters<typeof mostRelevant>): string[] {
  return mostRelevant(...args).map((job) => job.name);
}

test("what went wrong and what goes on is shown first, in the order of submission", () => {
  const stage = jobs("COMPLETED", "COMPLETED", "RUNNING", "COMPLETED", "FAILED");

  expect(names(stage, 3)).toEqual(["j0", "j2", "j4"]);
  expect(names(stage, 1)).toEqual(["j4"]);
});

test("a small stage shows all its jobs", () => {
  expect(names(jobs("COMPLETED", "FAILED"), 2)).toEqual(["j0", "j1"]);
});
