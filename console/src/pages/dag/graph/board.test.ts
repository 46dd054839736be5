import { expect, test } from "vitest";
import type { Job } from "../../../api/types";
import { Board } from "./board";
import { shapeOf } from "./shape";

function aJob(name: string, status = "WAITING"): Job {
  return { job_id: name, name, kind: "work", parents: [], filename: `${name}.py`, status } as unknown as Job;
}

test("only the node whose job changed is told", () => {
  const [a, b] = [aJob("a"), aJob("b")];
  const shape = shapeOf([a, b], false);
  const board = new Board();
  const marks = { chosen: null, critical: null };
  board.show(shape, [a, b], marks);
  const told: string[] = [];
  board.watch("a", () => told.push("a"));
  board.watch("b", () => told.push("b"));

  board.show(shape, [a, aJob("b", "RUNNING")], marks);

  expect(told).toEqual(["b"]);
  expect(board.view("b").jobs[0]?.status).toBe("RUNNING");
});

test("choosing a job tells the node that was chosen and the one that is", () => {
  const jobs = [aJob("a"), aJob("b"), aJob("c")];
  const shape = shapeOf(jobs, false);
  const board = new Board();
  board.show(shape, jobs, { chosen: "a", critical: null });
  const told: string[] = [];
  for (const name of ["a", "b", "c"]) board.watch(name, () => told.push(name));

  board.show(shape, jobs, { chosen: "c", critical: null });

  expect(told).toEqual(["a", "c"]);
});
