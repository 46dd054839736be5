import { expect, test } from "vitest";
import { type Layout, layOut, type Size } from "./layout";
import type { Edge } from "./shape";

const SIZE: Size = { width: 200, height: 50 };

function laidOut(names: string[], edges: [string, string][]): Layout {
  return layOut(
    new Map(names.map((name) => [name, SIZE])),
    edges.map(([from, to]): Edge => ({ from, to })),
  );
}

function at(layout: Layout, name: string) {
  const node = layout.nodes.get(name);
  if (!node) throw new Error(`${name} is not drawn`);
  return node;
}

test("every edge goes right, also where a job has parents of several columns", () => {
  const edges: [string, string][] = [
    ["a", "b"],
    ["b", "c"],
    ["a", "c"],
  ];
  const layout = laidOut(["c", "b", "a"], edges);

  for (const [from, to] of edges) expect(at(layout, from).x).toBeLessThan(at(layout, to).x);
});

test("no two nodes overlap", () => {
  const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
  const edges = names
    .slice(10)
    .map((name, index): [string, string] => [names[(index * 7) % (index + 10)] ?? "n0", name]);
  const nodes = [...laidOut(names, edges).nodes.values()];

  const overlapping = nodes.flatMap((one, index) =>
    nodes.slice(index + 1).filter((other) => one.column === other.column && Math.abs(one.y - other.y) < SIZE.height),
  );
  expect(overlapping).toEqual([]);
});

test("a parent stands level with the middle of its children, and a chain is straight", () => {
  const layout = laidOut(
    ["plan", "a", "b", "c", "write", "end"],
    [
      ["plan", "a"],
      ["plan", "b"],
      ["plan", "c"],
      ["a", "write"],
      ["b", "write"],
      ["c", "write"],
      ["write", "end"],
    ],
  );

  expect(["plan", "write", "end"].map((name) => at(layout, name).y)).toEqual(Array(3).fill(at(layout, "b").y));
});

test("edges that need not cross do not", () => {
  const layout = laidOut(
    ["a", "b", "c", "x", "y", "z"],
    [
      ["a", "z"],
      ["b", "y"],
      ["c", "x"],
    ],
  );

  expect(at(layout, "a").y - at(layout, "c").y).toBe(at(layout, "z").y - at(layout, "x").y);
});

test("a long edge passes beside the nodes of the columns between", () => {
  const layout = laidOut(
    ["a", "b", "c"],
    [
      ["a", "b"],
      ["b", "c"],
      ["a", "c"],
    ],
  );
  const between = layout.lines[2]?.filter(
    (point) => point.x >= at(layout, "b").x && point.x <= at(layout, "b").x + 200,
  );

  expect(between).toHaveLength(2);
  for (const point of between ?? []) expect(Math.abs(point.y - at(layout, "b").y - 25)).toBeGreaterThan(25);
});

test("500 jobs with a thousand edges are laid out in a moment", () => {
  const names = Array.from({ length: 500 }, (_, index) => `n${index}`);
  const edges = names
    .slice(20)
    .flatMap((name, index): [string, string][] =>
      [3, 11].map((step) => [names[index + ((step * index) % 20)] ?? "n0", name]),
    );
  const began = performance.now();

  const layout = laidOut(names, edges);

  expect(layout.nodes.size).toBe(500);
  expect(performance.now() - began).toBeLessThan(2000); // 30 ms on a quiet machine; a slow one is no failure
});

test("nothing takes no place", () => {
  expect(laidOut([], [])).toEqual({ nodes: new Map(), lines: [], width: 0, height: 0 });
});
