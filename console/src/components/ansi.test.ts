import { expect, test } from "vitest";
import { type AnsiSpan, PLAIN, parseAnsi, stripAnsi } from "./ansi";

function spans(line: string): AnsiSpan[] {
  return parseAnsi(line).spans;
}

test("plain text is one part without a style, and an empty line has none", () => {
  expect([spans("done in 3 s"), spans("")]).toEqual([[{ text: "done in 3 s" }], []]);
});

test("a coloured word has the theme's colour, and what follows the reset has none", () => {
  expect(spans("a \x1b[31mred\x1b[0m word")).toEqual([
    { text: "a " },
    { text: "red", style: { color: "var(--red)" } },
    { text: " word" },
  ]);
});

test("a style that is not ended holds on the next line", () => {
  const first = parseAnsi("\x1b[1;32mon");

  const second = parseAnsi("and on", first.state);

  expect(second.spans).toEqual([{ text: "and on", style: { color: "var(--green)", fontWeight: 650 } }]);
});

test("of 256 and of 16 million colours the nearest readable one is shown", () => {
  const colours = ["\x1b[38;5;196mx", "\x1b[38;2;20;200;30mx", "\x1b[38:2:250:240:0mx", "\x1b[38;5;240mx"].map(
    (line) => spans(line)[0]?.style?.color,
  );

  expect(colours).toEqual(["var(--red)", "var(--green)", "var(--amber)", "var(--text-faint)"]);
});

test("codes behind a long colour are still read", () => {
  expect(spans("\x1b[38;5;196;1mx")).toEqual([{ text: "x", style: { color: "var(--red)", fontWeight: 650 } }]);
});

test("a ground never hides the text on it", () => {
  expect(spans("\x1b[31;42mx\x1b[0;7my")).toEqual([
    { text: "x", style: { color: "var(--text)", backgroundColor: "var(--green-ground)" } },
    { text: "y", style: { color: "var(--text)", backgroundColor: "var(--grey-ground)" } },
  ]);
});

test("what a terminal would act on is left out: cursor moves, titles, links, bells, broken sequences", () => {
  const line = "\x1b[2K\x1b[1Aa\x1b]0;title\x07b\x1b]8;;https://example.org\x1b\\c\x1b]8;;\x1b\\d\x07\x08e\x1b[31";

  expect(spans(line).map((span) => span.text)).toEqual(["abcde"]);
});

test("of a progress bar the last state stands, with the colour set before it", () => {
  expect(spans("\x1b[33m 10 %\r 90 %\r100 %\r")).toEqual([{ text: "100 %", style: { color: "var(--amber)" } }]);
});

test("markup stays text", () => {
  expect(spans("<img src=x onerror=alert(1)>")).toEqual([{ text: "<img src=x onerror=alert(1)>" }]);
});

test("stripped text is what people read", () => {
  expect(stripAnsi("\x1b[1mbold\x1b[0m\tand\r")).toBe("bold\tand");
});

test("an unknown code changes nothing", () => {
  expect(parseAnsi("\x1b[75;58mx").state).toEqual(PLAIN);
});
