import { expect, test } from "vitest";
import { compactText } from "./compact";

test("arguments that nobody named are written as in a call", () => {
  expect(
    [
      { args: ["What is LoRA?"], kwargs: {} },
      { args: ["lora", 3], kwargs: { limit: 5, of: { year: 2024 } } },
      { args: [], kwargs: { path: "corpus" } },
      { args: [["a"], { b: null }] },
      { args: [], kwargs: {} },
    ].map((given) => compactText(JSON.stringify(given))),
  ).toEqual(["“What is LoRA?”", "“lora”, 3, limit: 5, of: {year: 2024}", "path: “corpus”", "[“a”], {b: null}", "()"]);
});

test("arguments that were cut off are written as far as they came", () => {
  expect(compactText('{"args":["a long qu')).toBe("“a long qu…”, …");
  expect(compactText('{"args":["a"],"kwargs":{"limit":5,"of":[1')).toBe("“a”, limit: 5, of: [1, …], …");
});

test("what only has a key of that name stays the object that it is", () => {
  expect(
    [{ args: ["a"], command: "run" }, { args: "a b" }, { kwargs: [1] }, {}].map((one) =>
      compactText(JSON.stringify(one)),
    ),
  ).toEqual(["{args: [“a”], command: “run”}", "{args: “a b”}", "{kwargs: [1]}", "{}"]);
});
