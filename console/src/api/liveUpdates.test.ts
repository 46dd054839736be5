import { QueryClient } from "@tanstack/react-query";
import { expect, test, vi } from "vitest";
import type { LiveEvent, RunsChanged } from "./live";
import { BatchLoader, BatchReloader, LiveQueries, ThrottledRefetch } from "./liveUpdates";

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
  const reread = new ThrottledRefetch(read, 0);

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
  const reread = new ThrottledRefetch(read, 0);

  reread.want();
  await aWhile();
  answer(false);
  await aWhile();

  expect(read).toHaveBeenCalledTimes(2);
});

test("nothing is asked once it was stopped", async () => {
  const { read, answer } = aReading();
  const reread = new ThrottledRefetch(read, 0);

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
  const [idle, asking, done] = [
    new ThrottledRefetch(read, 0),
    new ThrottledRefetch(read, 0),
    new ThrottledRefetch(read, 0),
  ];

  done.want();
  await aWhile();
  answer(true);
  await aWhile();
  asking.want();
  await aWhile();

  expect([idle, asking, done].map((each) => each.stop())).toEqual([false, true, false]);
});

test("ids that come while a request is under way go together in the next one", async () => {
  const asked: string[][] = [];
  const answers: (() => void)[] = [];
  const touched = new BatchReloader((ids) => {
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
  const touched = new BatchReloader(async (ids) => void sizes.push(ids.length));

  await touched.add(Array.from({ length: 450 }, (_, index) => `id${index}`));

  expect(sizes).toEqual([200, 200, 50]);
});

/** Loads that fail as often as told, and what was asked for. */
function failing(times: number) {
  const asked: string[][] = [];
  const touched = new BatchReloader(async (ids) => {
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
  const touched = new BatchReloader(
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

const KEY = ["runs", ""];
const NOTHING: RunsChanged = { runs: new Set(), agents: new Set() };

function anEvent(run: string): LiveEvent {
  return { kind: "JobReady", cursor: "1", at: "", cause: "", agent_run_id: run, dag_id: null, job_id: null, data: {} };
}

function aList() {
  const queries = new QueryClient();
  queries.setQueryData(KEY, ["first", "second"]);
  const tended = new LiveQueries(queries);
  const asked: string[][] = [];
  const updates = {
    idOf: (event: LiveEvent) => event.agent_run_id,
    load: async (ids: string[]) => void asked.push(ids),
  };
  return { queries, tended, asked, watch: () => tended.watch([...KEY], updates) };
}

function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

test("what events touch while nobody watches is read when somebody comes back, and not before", async () => {
  const { tended, asked, watch } = aList();

  watch()();
  tended.heard([anEvent("a"), anEvent("b")], NOTHING);
  tended.heard([anEvent("a")], NOTHING);
  tended.retry();
  await aMoment();
  expect(asked).toEqual([]);
  const leave = watch();
  await aMoment();
  expect(asked).toEqual([["a", "b"]]);
  tended.heard([anEvent("c")], NOTHING);
  await aMoment();
  leave();

  expect(asked).toEqual([["a", "b"], ["c"]]);
});

test("two who watch the same read once, and one that leaves takes nothing from the other", async () => {
  const { tended, asked, watch } = aList();

  const leave = watch();
  watch();
  leave();
  tended.heard([anEvent("a")], NOTHING);
  await aMoment();

  expect(asked).toEqual([["a"]]);
});

test("a list of which more was touched than is worth reading again is forgotten while nobody watches", () => {
  const { queries, tended, watch } = aList();

  watch()();
  tended.heard(
    Array.from({ length: 1001 }, (_, number) => anEvent(`run${number}`)),
    NOTHING,
  );

  expect(queries.getQueryData(KEY)).toBeUndefined();
});

test("after a resync a list that nobody watches is forgotten, and one that is watched stays", () => {
  const { queries, tended, watch } = aList();

  const leave = watch();
  tended.resync();
  expect(queries.getQueryData(KEY)).toBeDefined();
  leave();
  tended.resync();

  expect(queries.getQueryData(KEY)).toBeUndefined();
});

test("a list of recorded runs reads those again of whose calls something was heard", async () => {
  const queries = new QueryClient();
  queries.setQueryData(["registry"], []);
  const tended = new LiveQueries(queries);
  const asked: string[][] = [];
  tended.watch(["registry"], { idsOf: ({ runs }) => runs, load: async (ids) => void asked.push(ids) });

  tended.heard([anEvent("a")], { runs: new Set(["r1", "r2"]), agents: new Set(["research"]) });
  await aMoment();

  expect(asked).toEqual([["r1", "r2"]]);
});

test("what is asked for in one turn is one request, and what the server does not know is nothing", async () => {
  const asked: string[][] = [];
  const things = new BatchLoader(
    async (ids: string[]) => {
      asked.push(ids);
      return ids.filter((id) => id !== "c").map((id) => ({ id }));
    },
    ({ id }) => id,
  );

  const found = await Promise.all(["a", "b", "a", "c"].map((id) => things.load(id)));

  expect([asked, found]).toEqual([[["a", "b", "c"]], [{ id: "a" }, { id: "b" }, { id: "a" }, null]]);
});

test("more than the server takes at once goes in several requests, and a refusal reaches only its own", async () => {
  const sizes: number[] = [];
  const things = new BatchLoader(
    async (ids: string[]) => {
      sizes.push(ids.length);
      if (ids.includes("250")) throw new Error("no");
      return ids;
    },
    (id) => id,
  );

  const told = await Promise.allSettled(Array.from({ length: 251 }, (_, at) => things.load(String(at))));

  expect([sizes, told.filter(({ status }) => status === "rejected").length]).toEqual([[200, 51], 51]);
});
