import { expect, test } from "vitest";
import { type End, Following } from "./following";

/** A log whose readings end as told, the first one first; `told` is what happened, `during` what happens in a reading. */
function aLog(isLive: boolean, ends: End[], during: (reading: number, log: Following) => void = () => undefined) {
  const told: string[] = [];
  let reading = 0;
  const log: Following = new Following(
    isLive,
    async () => {
      reading += 1;
      during(reading, log);
      const end = ends.shift() ?? "over";
      told.push(end);
      return end;
    },
    async () => {
      told.push("pause");
    },
  );
  return { log, told };
}

test("a log is asked for again, with a pause, for as long as the server is away", async () => {
  const { log, told } = aLog(false, ["broken", "broken", "broken", "ended"]);

  await log.run();

  expect(told).toEqual(["broken", "pause", "broken", "pause", "broken", "pause", "ended"]);
});

test("the log of a job that has ended is read once", async () => {
  const { log, told } = aLog(false, ["ended"]);

  await log.run();

  expect(told).toEqual(["ended"]);
});

test("a job that ends while its log is read is read once more, without a pause", async () => {
  const { log, told } = aLog(true, ["ended", "ended"], (reading, following) => {
    if (reading === 1) following.setLive(false);
  });

  await log.run();

  expect(told).toEqual(["ended", "ended"]);
});

test("a stream that ends before its job is taken up again each time", async () => {
  const { log, told } = aLog(true, ["ended", "ended", "ended", "ended"], (reading, following) => {
    if (reading === 3) following.setLive(false);
  });

  await log.run();

  expect(told).toEqual(["ended", "pause", "ended", "pause", "ended", "ended"]);
});

test("a log that was refused is not asked for again", async () => {
  const { log, told } = aLog(true, ["over", "ended"]);

  await log.run();

  expect(told).toEqual(["over"]);
});

test("a job that runs again is followed again", async () => {
  const { log, told } = aLog(false, ["ended", "over"]);
  await log.run();

  log.setLive(true);
  await log.run();

  expect(told).toEqual(["ended", "over"]);
});

test("of a job that is told to be live late, and ends in the same reading, what is left is read too", async () => {
  const { log, told } = aLog(false, ["ended", "ended"], (reading, following) => {
    if (reading > 1) return;
    following.setLive(true);
    following.setLive(false);
  });

  await log.run();

  expect(told).toEqual(["ended", "ended"]);
});
