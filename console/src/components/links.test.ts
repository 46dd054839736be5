import { expect, test } from "vitest";
import { textPieces } from "./links";

function pagesIn(sentence: string): (string | null)[] {
  return textPieces(sentence)
    .map(({ to }) => to)
    .filter((to) => to !== null);
}

test("a page that a sentence names is a link, and the sentence stays what it was", () => {
  const sentence = "Look at /runs/a%20b.c.: what was said of the call went there, too.";

  expect(textPieces(sentence)).toEqual([
    { text: "Look at ", to: null },
    { text: "/runs/a%20b.c.", to: "/runs/a%20b.c." },
    { text: ": what was said of the call went there, too.", to: null },
  ]);
});

test("a full stop is the sentence's, and what is asked of the server is no page", () => {
  expect(pagesIn("List them at /runs or with GET /api/v1/runs?window=all.")).toEqual(["/runs"]);
  expect(pagesIn("See /help/keys, /runs/R1. Or /ledger.")).toEqual(["/help/keys", "/runs/R1", "/ledger"]);
  expect(pagesIn("Nothing at home/runs, /runsheet or //runs.example")).toEqual([]);
});
