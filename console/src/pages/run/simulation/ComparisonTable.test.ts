import { expect, test } from "vitest";
import { linePairs } from "./ComparisonTable";

function words(original: string | null, replay: string | null): string[] {
  return linePairs(original, replay).map((pair) =>
    pair.isEqual ? `${pair.original?.trim()}` : `${pair.original?.trim() ?? "·"} | ${pair.replay?.trim() ?? "·"}`,
  );
}

test("lines that differ stand beside one another, and the order of keys is no difference", () => {
  expect(words('{"b":[1,2],"a":"x"}', '{"a":"y","b":[1,2]}')).toEqual([
    "{",
    '"a": "x", | "a": "y",',
    '"b": [',
    "1,",
    "2",
    "]",
    "}",
  ]);
});

test("what one side alone has stands beside nothing", () => {
  expect(words("1", null)).toEqual(["1 | ·"]);
  expect(words(null, null)).toEqual([]);
});

test("a beginning that is no JSON is compared as text", () => {
  expect(words('{"a":1', '{"a":1}')).toEqual(['{"a":1 | {', '· | "a": 1', "· | }"]);
});
