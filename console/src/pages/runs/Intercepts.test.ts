import { expect, test } from "vitest";
import { interceptRule } from "./Intercepts";

const SPECIFIED = { least: 3, rate: 0.2, times: 3 };
const ALONE = "Unrecovered errors, or often stopped: 3 or more, and 20 % or more of its actions";

test("what is often is told from the server's values", () => {
  expect(interceptRule(SPECIFIED)).toBe(`${ALONE} or over 3 times its agent’s own rate`);
  expect(interceptRule({ least: 10, rate: 0.075, times: 2.5 })).toMatch(
    /10 or more, and 7.5 % or more.* over 2.5 times/,
  );
});

test("an agent's own rate is not told where the server does not go by it", () => {
  expect(interceptRule({ ...SPECIFIED, times: 0 })).toBe(ALONE);
});
