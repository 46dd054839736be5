import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import type { LiveEvent, RunsChanged } from "./live";
import { TouchedQueries } from "./touchedQueries";

const KEY = ["runs", ""];
const NOTHING: RunsChanged = { runs: new Set(), agents: new Set() };

function anEvent(run: string): LiveEvent {
  return { kind: "JobReady", cursor: "1", at: "", cause: "", agent_run_id: run, dag_id: null, job_id: null, data: {} };
}

function aList() {
  const queries = new QueryClient();
  queries.setQueryData(KEY, ["first", "second"]);
  const tended = new TouchedQueries(queries);
  const asked: string[][] = [];
  const tending = {
    idOf: (event: LiveEvent) => event.agent_run_id,
    load: async (ids: string[]) => void asked.push(ids),
  };
  return { queries, tended, asked, watch: () => tended.watch([...KEY], tending) };
}

function aWhile(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

test("what events touch while nobody watches is read when somebody comes back, and not before", async () => {
  const { tended, asked, watch } = aList();

  watch()();
  tended.heard([anEvent("a"), anEvent("b")], NOTHING);
  tended.heard([anEvent("a")], NOTHING);
  tended.retry();
  await aWhile();
  expect(asked).toEqual([]);
  const leave = watch();
  await aWhile();
  expect(asked).toEqual([["a", "b"]]);
  tended.heard([anEvent("c")], NOTHING);
  await aWhile();
  leave();

  expect(asked).toEqual([["a", "b"], ["c"]]);
});

test("two who watch the same read once, and one that leaves takes nothing from the other", async () => {
  const { tended, asked, watch } = aList();

  const leave = watch();
  watch();
  leave();
  tended.heard([anEvent("a")], NOTHING);
  await aWhile();

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
  const tended = new TouchedQueries(queries);
  const asked: string[][] = [];
  tended.watch(["registry"], { idsOf: ({ runs }) => runs, load: async (ids) => void asked.push(ids) });

  tended.heard([anEvent("a")], { runs: new Set(["r1", "r2"]), agents: new Set(["research"]) });
  await aWhile();

  expect(asked).toEqual([["r1", "r2"]]);
});
