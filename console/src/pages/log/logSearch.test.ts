import { expect, test } from "vitest";
import { LogIndex } from "./logIndex";
import { expressionOf, LogSearch, rangesIn } from "./logSearch";

function logOf(text: string): LogIndex {
  const index = new LogIndex();
  index.append(new TextEncoder().encode(text));
  return index;
}

function searchOf(
  index: LogIndex,
  text: string,
  options: { isRegex?: boolean; matchesCase?: boolean } = {},
): LogSearch {
  const { isRegex = false, matchesCase = false } = options;
  const expression = expressionOf({ text, isRegex, matchesCase });
  if (typeof expression === "string") throw new Error(expression);
  return new LogSearch(index, expression, !isRegex);
}

function hitsOf(search: LogSearch, isWhole = true): number[] {
  while (search.step(isWhole));
  return Array.from({ length: search.hits.length }, (_, place) => search.hits.at(place));
}

test("plain text matches in any case, and as it stands", () => {
  const index = logOf("Error: a.b\nfine\nERROR aXb\n");

  expect([hitsOf(searchOf(index, "error")), hitsOf(searchOf(index, "a.b"))]).toEqual([[0, 2], [0]]);
});

test("with match case only the same letters match", () => {
  expect(hitsOf(searchOf(logOf("Error\nERROR\n"), "Error", { matchesCase: true }))).toEqual([0]);
});

test("an expression matches line by line: its ends are those of a line", () => {
  const index = logOf("job 12 done\njob x done\nnot a job 7 done\n");

  expect(hitsOf(searchOf(index, "^job \\d+ done$", { isRegex: true }))).toEqual([0]);
});

test("colours and overwritten states stand in no match's way", () => {
  const index = logOf("\x1b[31mer\x1b[1mror\x1b[0m\n10 %\r100 %\nfine\n");

  expect([hitsOf(searchOf(index, "error")), hitsOf(searchOf(index, "10 %")), hitsOf(searchOf(index, "100"))]).toEqual([
    [0],
    [],
    [1],
  ]);
});

test("what is no expression says why", () => {
  expect(expressionOf({ text: "a(b", isRegex: true, matchesCase: false })).toBe("Unterminated group");
});

test("matches of nothing are none, and end", () => {
  const expression = expressionOf({ text: "x*", isRegex: true, matchesCase: false }) as RegExp;

  expect(rangesIn("axxb", expression)).toEqual([[1, 3]]);
});

test("lines that come later are searched too, the last one when it is whole", () => {
  const index = logOf("hit\nhi");
  const search = searchOf(index, "hit");
  expect(hitsOf(search, false)).toEqual([0]);

  index.append(new TextEncoder().encode("t\nhit"));

  expect([hitsOf(search, false), hitsOf(search, true)]).toEqual([
    [0, 1],
    [0, 1, 2],
  ]);
});

test("seeking goes forwards and back, and round at the ends", () => {
  const search = searchOf(logOf("hit\n-\nhit\n-\nhit\n-\n"), "hit");
  hitsOf(search);

  expect([search.seek(0, 1), search.seek(1, 1), search.seek(5, 1)]).toEqual([
    { line: 0, place: 0 },
    { line: 2, place: 1 },
    { line: 0, place: 0 },
  ]);
  expect([search.seek(3, -1), search.seek(-1, -1)]).toEqual([
    { line: 2, place: 1 },
    { line: 4, place: 2 },
  ]);
});

test("a search of many groups finds the same lines", () => {
  const lines = Array.from(
    { length: 40_000 },
    (_, line) => `${line % 1000 === 7 ? "needle" : "straw"} ${"x".repeat(40)}`,
  );
  const search = searchOf(logOf(lines.join("\n")), "needle");

  expect([hitsOf(search).length, search.hits.at(39), search.spread(4)]).toEqual([
    40,
    39_007,
    new Uint8Array([1, 1, 1, 1]),
  ]);
});
