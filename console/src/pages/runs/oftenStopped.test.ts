import { expect, test } from "vitest";
import { oftenStopped } from "./oftenStopped";

test("what is often is told from the server's values", () => {
  expect(oftenStopped({ least: 3, rate: 0.2 })).toBe(
    "Errors not made good, or often stopped: 3 or more, and 20 % or more of its actions",
  );
  expect(oftenStopped({ least: 10, rate: 0.075 })).toContain("10 or more, and 7.5 % or more");
});
