import { expect, test } from "vitest";
import { layOut } from "./layout";
import { moved } from "./move";
import { shapeOf } from "./shape";

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
