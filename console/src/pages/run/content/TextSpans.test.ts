import { expect, test } from "vitest";
import { spansOf } from "./TextSpans";

test("what was taken away is a chip, what turns the direction is written out, and what is searched for is marked", () => {
  const spans = spansOf("Key [redacted:openai_key] of \u202eAda\u0007\n(ada)", ["ada"]);

  expect(spans).toEqual([
    { is: "text", text: "Key " },
    { is: "redacted", name: "openai_key" },
    { is: "text", text: " of " },
    { is: "control", text: "\\u202e" },
    { is: "mark", text: "Ada" },
    { is: "control", text: "\\u0007" },
    { is: "text", text: "\n(" },
    { is: "mark", text: "ada" },
    { is: "text", text: ")" },
  ]);
});

test("words with signs of expressions are taken as they are, and no word marks nothing", () => {
  expect([spansOf("a.c abc", ["a.c"]), spansOf("abc", [""]), spansOf("", ["a"])]).toEqual([
    [
      { is: "mark", text: "a.c" },
      { is: "text", text: " abc" },
    ],
    [{ is: "text", text: "abc" }],
    [],
  ]);
});
