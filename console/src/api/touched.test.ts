import { expect, test, vi } from "vitest";
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

test("no request asks for more ids than the server takes", async () => {
  const sizes: number[] = [];
  const touched = new Touched(async (ids) => void sizes.push(ids.length));

  await touched.add(Array.from({ length: 450 }, (_, index) => `id${index}`));

  expect(sizes).toEqual([200, 200, 50]);
});

/** Loads that fail as often as told, and what was asked for. */
function failing(times: number) {
  const asked: string[][] = [];
  const touched = new Touched(async (ids) => {
    asked.push(ids);
    if (asked.length <= times) throw new Error("away");
  });
  return { asked, touched };
}

test("ids whose request failed wait, and are asked for again with the next when the server is back", async () => {
  const { asked, touched } = failing(1);

  await touched.add(["a"]);
  await touched.add(["b"]);
  expect(asked).toEqual([["a"]]);
  await touched.retry();

  expect(asked).toEqual([["a"], ["a", "b"]]);
});

test("what failed is asked for again after a pause that grows, until it rests", async () => {
  vi.useFakeTimers();
  const { asked, touched } = failing(9);

  await touched.add(["a"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toHaveLength(3);
  touched.rest();
  await vi.advanceTimersByTimeAsync(60_000);

  expect(asked).toHaveLength(3);
  vi.useRealTimers();
});

test("ids wait for a reading of the whole, and go again when one began under their request", async () => {
  const asked: string[][] = [];
  let reading: Promise<void> | null = null;
  let end = () => {};
  function begin(): void {
    reading = new Promise((resolve) => {
      end = () => {
        reading = null;
        resolve();
      };
    });
  }
  const touched = new Touched(
    async (ids) => {
      asked.push(ids);
      if (asked.length === 1) begin();
    },
    () => reading,
  );

  begin();
  const done = touched.add(["a"]);
  await Promise.resolve();
  expect(asked).toEqual([]);
  end();
  await new Promise((resolve) => setTimeout(resolve));
  expect(asked).toEqual([["a"]]);
  end();
  await done;

  expect(asked).toEqual([["a"], ["a"]]);
});
