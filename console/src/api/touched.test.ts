import { expect, test } from "vitest";
import { Touched } from "./touched";

test("ids that come while a request is under way go together in the next one", async () => {
  const asked: string[][] = [];
  const answers: (() => void)[] = [];
  const touched = new Touched((ids) => {
    asked.push(ids);
    return new Promise((resolve) => answers.push(resolve));
  });

  const done = touched.add(["a"]);
  void touched.add(["b", "c"]);
  void touched.add(["b"]);
  answers.shift()?.();
  await new Promise((resolve) => setTimeout(resolve));
  answers.shift()?.();
  await done;

  expect(asked).toEqual([["a"], ["b", "c"]]);
});

test("no request asks for more ids than the server takes, and a failed one ends nothing", async () => {
  const sizes: number[] = [];
  const touched = new Touched(async (ids) => {
    sizes.push(ids.length);
    if (sizes.length === 1) throw new Error("away");
  });

  await touched.add(Array.from({ length: 450 }, (_, index) => `id${index}`));

  expect(sizes).toEqual([200, 200, 50]);
});
