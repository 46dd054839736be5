import { expect, test } from "vitest";
import { aRow } from "../testing";
import { callsOf, callsWords, chosenCalls, nextHit } from "./calls";

const CALLS = callsOf([
  aRow(1, { kind: "agent" }),
  aRow(2, { cost: "0.5", durationUs: 30 }),
  aRow(3, { kind: "thought" }),
  aRow(4, { kind: "model", durationUs: null, outcome: null }),
  aRow(5, { kind: "tool", cost: "10", outcome: "error", durationUs: 10 }),
  aRow(6, { cost: "0.5", durationUs: 20 }),
]);
const ALL = { statuses: [], hits: null, sort: "order", descending: false } as const;
const numbers = (asked: Partial<Parameters<typeof chosenCalls>[1]>) =>
  chosenCalls(CALLS, { ...ALL, ...asked }).map((call) => call.number);

test("calls are numbered among themselves, without what groups them", () => {
  expect(CALLS.map(({ number, order }) => [number, order])).toEqual([
    [2, 1],
    [4, 2],
    [5, 3],
    [6, 4],
  ]);
});

test("what was answered from a recording is counted apart, as the run counts it", () => {
  const again = [aRow(7, { outcome: "idempotent_replay" }), aRow(8, { outcome: "replayed" })];

  expect([callsWords(CALLS), callsWords([...CALLS, ...again]), callsWords(again)]).toEqual([
    "4 actions",
    "4 actions + 2 replayed",
    "0 actions + 2 replayed",
  ]);
});

test("they are chosen by outcome, by what runs, and by what was found", () => {
  expect([
    numbers({ statuses: ["error"] }),
    numbers({ statuses: ["running", "error"] }),
    numbers({ hits: new Set(["a6", "a1"]) }),
  ]).toEqual([[5], [4, 5], [6]]);
});

test("sorting by a figure leaves equals in their order, and what has none last either way", () => {
  expect([
    numbers({ descending: true }),
    numbers({ sort: "cost" }),
    numbers({ sort: "cost", descending: true }),
    numbers({ sort: "duration", descending: true }),
  ]).toEqual([
    [6, 5, 4, 2],
    [2, 6, 5, 4],
    [5, 2, 6, 4],
    [2, 6, 5, 4],
  ]);
});

test("one goes from match to match and round the end", () => {
  const hits = new Set(["a2", "a5"]);

  expect([
    nextHit(CALLS, hits, null, 1),
    nextHit(CALLS, hits, "a2", 1),
    nextHit(CALLS, hits, "a5", 1),
    nextHit(CALLS, hits, null, -1),
    nextHit(CALLS, hits, "a4", -1),
    nextHit(CALLS, new Set(), "a4", 1),
    nextHit([], hits, null, 1),
  ]).toEqual(["a2", "a5", "a2", "a5", "a2", null, null]);
});
