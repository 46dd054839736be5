import { expect, test } from "vitest";
import { resultText } from "./JobPanel";

test("a result is laid out", () => {
  expect(resultText('{"job_id":"d.1","is_set":true,"value":{"a":[1]}}')).toBe('{\n  "a": [\n    1\n  ]\n}');
});

test("a number too long for a browser keeps its digits", () => {
  expect(resultText('{"job_id":"d.1","is_set":true,"value":{"n":12345678901234567890}}')).toBe(
    '{\n  "n": 12345678901234567890\n}',
  );
});

test("a word stays as it is stored", () => {
  expect(resultText('{"job_id":"d.1","is_set":true,"value":"done"}')).toBe('"done"');
});
