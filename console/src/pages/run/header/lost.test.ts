import { expect, test } from "vitest";
import { lostIn, tellsOfLoss } from "./lost";

function said(text: string) {
  return { outputs: { text, cut: null } };
}

test("the entries that were lost are summed over the events that tell of them", () => {
  expect([
    lostIn([said('"38,001 entries of this run were not recorded"'), said('"1 entry of this run was not recorded"')]),
    lostIn([{ outputs: null }, null]),
    lostIn([]),
  ]).toEqual([38_002, 2, 0]);
});

test("only the SDK's event tells of a loss", () => {
  expect([
    tellsOfLoss({ kind: "event", name: "titan.entries_lost" }),
    tellsOfLoss({ kind: "call", name: "titan.entries_lost" }),
    tellsOfLoss({ kind: "event", name: "cache miss" }),
  ]).toEqual([true, false, false]);
});
