import { expect, test, vi } from "vitest";
import { Reread } from "./reread";

function aReading() {
  const answers: ((isFresh: boolean) => void)[] = [];
  const read = vi.fn(() => new Promise<boolean>((resolve) => answers.push(resolve)));
  return { read, answer: (isFresh: boolean) => answers.shift()?.(isFresh) };
}

function aWhile(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

test("what is wanted while a request is under way is asked once more when it settles, and cuts off nothing", async () => {
  const { read, answer } = aReading();
  const reread = new Reread(read, 0);

  reread.want();
  await aWhile();
  reread.want();
  reread.want();
  await aWhile();
  expect(read).toHaveBeenCalledTimes(1);
  answer(true);
  await aWhile();
  answer(true);
  await aWhile();

  expect(read).toHaveBeenCalledTimes(2);
});

test("an answer that was asked for before the event is asked for again", async () => {
  const { read, answer } = aReading();
  const reread = new Reread(read, 0);

  reread.want();
  await aWhile();
  answer(false);
  await aWhile();

  expect(read).toHaveBeenCalledTimes(2);
});

test("nothing is asked once it was stopped", async () => {
  const { read, answer } = aReading();
  const reread = new Reread(read, 0);

  reread.want();
  await aWhile();
  reread.want();
  reread.stop();
  answer(false);
  await aWhile();

  expect(read).toHaveBeenCalledTimes(1);
});

test("what is stopped tells whether an answer that was wanted comes no more", async () => {
  const { read, answer } = aReading();
  const [idle, asking, done] = [new Reread(read, 0), new Reread(read, 0), new Reread(read, 0)];

  done.want();
  await aWhile();
  answer(true);
  await aWhile();
  asking.want();
  await aWhile();

  expect([idle, asking, done].map((each) => each.stop())).toEqual([false, true, false]);
});
