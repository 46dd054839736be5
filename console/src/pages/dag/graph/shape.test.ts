import { expect, test } from "vitest";
import { layOut } from "./layout";
import { criticalPath, moved, shapeKey, shapeOf, type Timed } from "./shape";

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

const NOON = Date.parse("2026-03-12T12:00:00Z");

function aTimedJob(name: string, parents: string[], from: number | null, to: number | null): Timed {
  const at = (seconds: number | null) => (seconds === null ? null : new Date(NOON + seconds * 1000).toISOString());
  return { job_id: name, name, parents, kind: "work", ready_at: at(from), started_at: at(from), ended_at: at(to) };
}

test("the path is the chain that took longest, not the one with the most jobs", () => {
  const jobs = [
    aTimedJob("plan", [], 0, 2),
    aTimedJob("slow", ["plan"], 2, 10),
    aTimedJob("a", ["plan"], 2, 3),
    aTimedJob("b", ["a"], 3, 4),
    aTimedJob("write", ["slow", "b"], 10, 11),
  ];

  expect(criticalPath(jobs, NOON)).toEqual({ jobs: ["plan", "slow", "write"], lengthMs: 11_000 });
});

test("a running job counts until now, and what still waits is not on the path", () => {
  const jobs = [
    aTimedJob("plan", [], 0, 2),
    aTimedJob("run", ["plan"], 2, null),
    aTimedJob("later", ["run"], null, null),
  ];

  expect(criticalPath(jobs, NOON + 7000)).toEqual({ jobs: ["plan", "run"], lengthMs: 7000 });
});

test("a job submitted before its parent is understood", () => {
  const jobs = [aTimedJob("child", ["parent"], 5, 6), aTimedJob("parent", [], 0, 5)];

  expect(criticalPath(jobs, NOON).jobs).toEqual(["parent", "child"]);
});

test("a gate counts while it was open, and the time before anything began has no path", () => {
  const gate: Timed = { ...aTimedJob("gate", ["a"], 1, 9), kind: "gate", started_at: null };

  expect(criticalPath([aTimedJob("a", [], 0, 1), gate], NOON)).toEqual({ jobs: ["a", "gate"], lengthMs: 9000 });
  expect(criticalPath([aTimedJob("a", [], null, null)], NOON)).toEqual({ jobs: [], lengthMs: 0 });
});

const JOBS = [
  ["plan", []],
  ["a", ["plan"]],
  ["b", ["plan"]],
  ["c", ["plan"]],
  ["write", ["a", "b", "c"]],
].map(([name, parents]) => ({
  job_id: name as string,
  name: name as string,
  parents: parents as string[],
  filename: `${name}.py`,
  kind: "work" as const,
}));
const SHAPE = shapeOf(JOBS, false);
const LAYOUT = layOut(new Map(SHAPE.nodes.map((node) => [node.id, { width: 200, height: 50 }])), SHAPE.edges);

test("right and left follow edges, to the one nearest in height", () => {
  expect(moved(SHAPE, LAYOUT, "plan", "ArrowRight")).toBe("b");
  expect(moved(SHAPE, LAYOUT, "write", "ArrowLeft")).toBe("b");
});

test("up and down stay in the column, and end at its ends", () => {
  const steps = [
    moved(SHAPE, LAYOUT, "b", "ArrowUp"),
    moved(SHAPE, LAYOUT, "b", "ArrowDown"),
    moved(SHAPE, LAYOUT, "a", "ArrowUp"),
    moved(SHAPE, LAYOUT, "plan", "ArrowLeft"),
  ];

  expect(steps).toEqual(["a", "c", null, null]);
});
