import { expect, test } from "vitest";
import { onceKey } from "./once";

test("a key is 32 hexadecimal digits, and every one is another", () => {
  const keys = Array.from({ length: 100 }, onceKey);

  expect(keys.every((key) => /^[0-9a-f]{32}$/.test(key))).toBe(true);
  expect(new Set(keys).size).toBe(100);
});
