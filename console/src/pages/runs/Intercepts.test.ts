import { expect, test } from "vitest";
import { interceptRule } from "./Intercepts";

const SPECIFIED = { least: 3, rate: 0.2, times: 3 };
const ALONE = "Blocked calls: 3 or more, and 20 % or more of a run's actions";

test("the rule names the server's thresholds", () => {
  expect(interceptRule(SPECIFIED)).toBe(`${ALONE} or over 3 times its agent's own rate`);
  expect(interceptRule({ least: 10, rate: 0.075, times: 2.5 })).toMatch(
    /10 or more, and 7.5 % or more.* over 2.5 times/,
  );
});

test("an agent's own rate is left out where the server does not use it", () => {
  expect(interceptRule({ ...SPECIFIED, times: 0 })).toBe(ALONE);
});
