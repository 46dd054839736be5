import { expect, test } from "vitest";
import { tellsOfLoss } from "./RunHeader";

test("only the SDK's event tells of a loss", () => {
  expect([
    tellsOfLoss({ kind: "event", name: "titan.entries_lost" }),
    tellsOfLoss({ kind: "call", name: "titan.entries_lost" }),
    tellsOfLoss({ kind: "event", name: "cache miss" }),
  ]).toEqual([true, false, false]);
});
