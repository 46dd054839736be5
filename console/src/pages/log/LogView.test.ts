import { expect, test } from "vitest";
import { parseAnsi } from "../../components/ansi";
import { markedPieces } from "./LogView";

const RED = { color: "var(--red)" };

test("a match over two styles is marked in both", () => {
  const { spans } = parseAnsi("an \x1b[31merr\x1b[0mor here");

  expect(markedPieces(spans, [[3, 8]])).toEqual([
    { text: "an ", style: undefined, isMark: false },
    { text: "err", style: RED, isMark: true },
    { text: "or", style: undefined, isMark: true },
    { text: " here", style: undefined, isMark: false },
  ]);
});

test("several matches in one part, also side by side and at its ends", () => {
  const pieces = markedPieces(
    [{ text: "aabca" }],
    [
      [0, 1],
      [1, 2],
      [4, 5],
    ],
  );

  expect(pieces.map(({ text, isMark }) => [text, isMark])).toEqual([
    ["a", true],
    ["a", true],
    ["bc", false],
    ["a", true],
  ]);
});

test("marks behind the text that is shown are left out", () => {
  expect(markedPieces([{ text: "abc" }], [[10, 12]])).toEqual([{ text: "abc", style: undefined, isMark: false }]);
});

test("characters that turn the direction of reading are shown", () => {
  expect(markedPieces([{ text: "abc\u202edef" }], [])[0]?.text).toBe("abc\ufffddef");
});
