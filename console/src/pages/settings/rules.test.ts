import { expect, test } from "vitest";
import { howToChange, shownValue } from "./rules";

function aRule(value: number, unit: string) {
  return { name: "TITAN_KEEP_RUNS_DAYS", value, unit, help: "" };
}

test("a value is told with its unit, and 0 as what it means", () => {
  const rules = [
    aRule(90, "days"),
    aRule(1, "days"),
    aRule(0, "days"),
    aRule(1024 ** 3, "bytes"),
    aRule(0, "bytes"),
    aRule(0.2, "share"),
    aRule(3, "times"),
    aRule(0, "times"),
  ];

  expect(rules.map(shownValue)).toEqual([
    "90 days",
    "1 day",
    "for ever",
    "1.0 GiB",
    "no limit",
    "20 %",
    "3 times",
    "never",
  ]);
});

test("how to change a rule names its setting", () => {
  expect(howToChange(aRule(90, "days"))).toBe("TITAN_KEEP_RUNS_DAYS=90 titan up");
});
