import { expect, test } from "vitest";
import { reportsLoss } from "./RunHeader";

test("only the SDK's event tells of a loss", () => {
  expect([
    reportsLoss({ kind: "event", name: "titan.entries_lost" }),
    reportsLoss({ kind: "call", name: "titan.entries_lost" }),
    reportsLoss({ kind: "event", name: "cache miss" }),
  ]).toEqual([true, false, false]);
});
