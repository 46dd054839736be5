import { expect, test } from "vitest";
import { parseAnsi } from "../../components/ansi";
import { LogIndex } from "./logIndex";

function logOf(text: string | Uint8Array, ...sizes: number[]): LogIndex {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const index = new LogIndex();
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    index.append(bytes.subarray(at, at + size));
    at += size;
  }
  return index;
}

function texts(index: LogIndex): string[] {
  return Array.from({ length: index.lineCount }, (_, line) => index.line(line).text);
}

test("an empty log has no line, and an ended one no empty line behind its end", () => {
  expect([texts(logOf("")), texts(logOf("a\n\nb\n"))]).toEqual([[], ["a", "", "b"]]);
});

test("a line that is not ended yet counts, and grows", () => {
  const index = logOf("one\ntw");
  expect(texts(index)).toEqual(["one", "tw"]);

  index.append(new TextEncoder().encode("o\nthree"));

  expect([texts(index), index.isOpen]).toEqual([["one", "two", "three"], true]);
});

test("however the bytes are cut, the lines are the same", () => {
  const text = "grüße\r\n日本語 🚀\n\x1b[31mred\nstill\x1b[0m\nplain";
  const whole = texts(logOf(text));
  const length = new TextEncoder().encode(text).length;

  for (let cut = 1; cut < length; cut += 1) expect(texts(logOf(text, cut, 1))).toEqual(whole);
});

test("a colour holds on the lines behind it until it is reset", () => {
  const index = logOf("\x1b[31mred\nred too\n\x1b[0mplain\nplain too\n");

  const colours = texts(index).map((text) => parseAnsi(text).spans[0]?.style?.color);

  expect(colours).toEqual(["var(--red)", "var(--red)", undefined, undefined]);
});

test("a sequence that is none, or never ends, colours nothing and stops nothing", () => {
  const index = logOf(`a\x1b[2Kb\n\x1b]0;title\x07c\n\x1b[${"1;".repeat(100)}\nd\n\x1b[32me\nf\n`);

  expect(parseAnsi(index.line(5).text).spans).toEqual([{ text: "f", style: { color: "var(--green)" } }]);
});

test("styles that are never reset do not pile up", () => {
  const index = logOf("\x1b[1mx\x1b[31my\n".repeat(5000));

  expect(index.line(4999).text.length).toBeLessThan(300);
});

test("invalid bytes and half characters are shown as such", () => {
  expect(texts(logOf(new Uint8Array([0x61, 0xff, 0x0a, 0xc3, 0x0a, 0x62])))).toEqual(["a\ufffd", "\ufffd", "b"]);
});

test("a long line is cut between two characters, and says how long it is", () => {
  const index = logOf(`${"ü".repeat(600_000)}\nend\n`);

  const { text, bytes, isCut } = index.line(0, 1001);

  expect([text, bytes, isCut]).toEqual(["ü".repeat(500), 1_200_000, true]);
});

test("of a progress bar of megabytes the last state is shown, whole", () => {
  const bar = Array.from({ length: 200_000 }, (_, step) => `\r${step} of 200000`).join("");

  expect(logOf(`${bar}\r\nnext\n`).line(0)).toEqual({ text: "199999 of 200000", bytes: 16, isCut: false });
});

test("blocks are joined where a line lies across them", () => {
  const lines = Array.from({ length: 60_000 }, (_, line) => `line ${line} ${"x".repeat(line % 50)}`);
  const index = logOf(`${lines.join("\n")}\n`, 700_000);

  expect(texts(index)).toEqual(lines);
});

test("text for copying has no sequences and no states that were overwritten", () => {
  expect(logOf("a\n\x1b[31mb\x1b[0m\n10 %\r100 %\nc\n").plainText(1, 3)).toBe("b\n100 %");
});

test("groups of lines end at whole lines, and hold one at least", () => {
  const index = logOf("aaaa\nbbbb\ncccc\n");

  expect([index.lineBehind(0, 10, 3), index.lineBehind(0, 1, 3), index.lineBehind(1, 99, 3)]).toEqual([2, 1, 3]);
});
