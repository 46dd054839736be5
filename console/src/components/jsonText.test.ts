import { expect, test } from "vitest";
import { indented } from "./jsonText";

test("it stands as JSON.stringify would lay it out", () => {
  const value = { a: [1, "x, {y}: [z]", { b: null }], empty: {}, none: [], "quote\\": 'he said "so"\\', last: true };

  expect(indented(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
  expect(indented(JSON.stringify(value, null, 7))).toBe(JSON.stringify(value, null, 2));
  expect(indented('{ "a" : [ ] ,\n "b" : { } }')).toBe('{\n  "a": [],\n  "b": {}\n}');
});

test("numbers, escapes and keys that come twice stay as they are stored", () => {
  const pieces = ["1.0", "1.10", "-0", "12345678901234567890", "1E400", "0.1e-7", '"\\u00e9\\/"'];

  expect(indented(`[${pieces.join()}]`)).toBe(`[\n  ${pieces.join(",\n  ")}\n]`);
  expect(indented('{"a":1,"a":2}')).toBe('{\n  "a": 1,\n  "a": 2\n}');
});

test("what is no JSON, or nested beyond reading, is not laid out", () => {
  expect([indented("{no"), indented("[1] 2"), indented('{"a":NaN}')]).toEqual([null, null, null]);
  expect(indented("[".repeat(100_000) + "]".repeat(100_000))).toBe(null);
});
