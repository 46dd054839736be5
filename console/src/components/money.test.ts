import { expect, test } from "vitest";
import { OUTCOMES } from "../api/types";
import { exactMoney, isNoMoney, knownCost, money, sum, whyNotSpent } from "./money";

test.each([
  ["1204.5", "$1,204.50"],
  ["0.01", "$0.01"],
  ["0.0157", "$0.016"],
  ["0.0155", "$0.016"],
  ["0.015", "$0.015"],
  ["0.002375", "$0.00238"],
  ["0.0023749", "$0.00237"],
  ["1.005", "$1.01"],
  ["0.125", "$0.13"],
  ["0.009999", "$0.01"],
  ["1234567.895", "$1,234,567.90"],
  ["9223372.036854775807", "too large"],
  ["12345678901234567.895", "too large"],
  ["3E+2", "$300.00"],
  ["abc", "–"],
  ["0.02", "$0.02"],
  ["0.0999", "$0.10"],
  ["0.1234", "$0.12"],
  ["0.0031234", "$0.00312"],
  ["0.00000142", "$0.00000142"],
  ["1.42E-6", "$0.00000142"],
  ["0.00000042", "< $0.000001"],
  ["1E-12", "< $0.000001"],
  ["0", "$0"],
  ["0.000000000000", "$0"],
  [null, "–"],
])("a cost of %s is shown as %s", (usd, shown) => {
  expect(money(usd)).toBe(shown);
});

test("the exact cost keeps every digit, and no empty ones", () => {
  expect(exactMoney("1234567.123456789012")).toBe("$1234567.123456789012");
  expect(exactMoney("9223372.036854775807")).toBe("too large");
  expect(exactMoney("0.003123400000")).toBe("$0.0031234");
  expect(exactMoney("100")).toBe("$100");
  expect(exactMoney("4.2E-7")).toBe("$0.00000042");
  expect(exactMoney(null)).toBe("–");
});

test("unknown and nothing are both no money", () => {
  expect([null, "0.00", "0.01"].map(isNoMoney)).toEqual([true, true, false]);
});

test.each([
  ["0", 0, 0, "$0"],
  ["0.12", 0, 0, "$0.12"],
  ["0.12", 3, 0, "$0.12 + 3 unpriced"],
  ["0.12", 0, 1, "≈ $0.12"],
  ["0.12", 3, 2, "≈ $0.12 + 3 unpriced"],
  ["0.000000000001", 0, 1, "< $0.000001"],
  ["0.00", 1200, 0, "1,200 unpriced"],
])(
  "a sum of %s with %i calls of unknown and %i of computed cost is shown as %s",
  (cost_usd, unpriced, estimated, shown) => {
    expect(sum({ cost_usd, unpriced, estimated })).toBe(shown);
  },
);

test("of a sum nothing is known when it has no calls, or only calls of unknown cost", () => {
  expect(knownCost({ cost_usd: "0", unpriced: 0, calls: 0 })).toBeNull();
  expect(knownCost({ cost_usd: "0", unpriced: 1 })).toBeNull();
  expect(knownCost({ cost_usd: "0", unpriced: 0 })).toBe("0");
});

test("only what succeeded or failed was spent", () => {
  const spent = OUTCOMES.filter((outcome) => whyNotSpent(outcome) === null);
  expect(spent).toEqual(["success", "error"]);
  expect(whyNotSpent(null)).toBeNull();
});

test("a sum without calls is no money", () => {
  expect(sum({ cost_usd: "0", unpriced: 0, estimated: 0, calls: 0 })).toBe("–");
});
