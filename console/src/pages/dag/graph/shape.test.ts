import { expect, test } from "vitest";
import { shapeKey, shapeOf } from "./shape";

function aJob(name: string, parents: string[] = [], filename: string | null = `${name}.py`) {
  return { job_id: `d.${name}`, name, parents, filename, kind: "work" as const };
}

function researchers(count: number) {
  return Array.from({ length: count }, (_, index) => aJob(`r${index}`, ["plan"], "worker.py"));
}

const FAN = [aJob("plan"), ...researchers(4), aJob("write", ["r0", "r1", "r2", "r3"])];

test("every job is a node, and every parent an edge", () => {
  const shape = shapeOf([aJob("a"), aJob("b", ["a"])], false);

  expect(shape.nodes.map((node) => node.id)).toEqual(["d.a", "d.b"]);
  expect(shape.edges).toEqual([{ from: "d.a", to: "d.b" }]);
});

test("jobs with the same script, parents and children become one node", () => {
  const shape = shapeOf(FAN, true);

  expect(shape.nodes).toEqual([
    { id: "d.plan", kind: "job", jobs: ["d.plan"] },
    { id: "group:d.r0", kind: "group", jobs: ["d.r0", "d.r1", "d.r2", "d.r3"] },
    { id: "d.write", kind: "job", jobs: ["d.write"] },
  ]);
  expect(shape.edges).toEqual([
    { from: "d.plan", to: "group:d.r0" },
    { from: "group:d.r0", to: "d.write" },
  ]);
});

test("a group that was opened shows its jobs", () => {
  const shape = shapeOf(FAN, true, new Set(["group:d.r0"]));

  expect([shape.nodes.length, shape.groupCount]).toEqual([6, 1]);
});

test("another script, another child or too few of them stay apart", () => {
  const other = { ...aJob("r9", ["plan"], "other.py") };
  const shape = shapeOf([aJob("plan"), ...researchers(2), other, aJob("check", ["r1"])], true);

  expect(shape.nodes.map((node) => node.kind)).toEqual(["job", "job", "job", "job", "job"]);
});

test("gates are never put together, and a parent of another DAG has no edge", () => {
  const gates = ["g1", "g2", "g3"].map((name) => ({ ...aJob(name, ["elsewhere"], null), kind: "gate" as const }));

  const shape = shapeOf(gates, true);

  expect(shape.nodes.map((node) => node.kind)).toEqual(["gate", "gate", "gate"]);
  expect(shape.edges).toEqual([]);
});

test("a status changes nothing in the key of the shape, a new parent does", () => {
  const before = [aJob("a"), aJob("b")];

  expect(shapeKey(before.map((job) => ({ ...job, status: "RUNNING" })))).toBe(shapeKey(before));
  expect(shapeKey([aJob("a"), aJob("b", ["a"])])).not.toBe(shapeKey(before));
});
