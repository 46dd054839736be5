import { expect, test } from "vitest";
import { TailLines } from "./LogTail";

function shown(tail: TailLines): string[] {
  return tail.shown().map((line) => line.spans.map((span) => span.text).join(""));
}

test("a line that comes in parts is shown as far as it came, and once", () => {
  const tail = new TailLines(10, false);

  tail.add("one\ntw");
  expect(shown(tail)).toEqual(["one", "tw"]);
  tail.add("o\nthree\n");
  expect(shown(tail)).toEqual(["one", "two", "three"]);
});

test("only the last lines are kept, and each keeps its number", () => {
  const tail = new TailLines(2, false);

  tail.add("1\n2\n3\n4\n");
  tail.add("5\n");

  expect(tail.shown().map((line) => line.number)).toEqual([4, 5]);
  expect(shown(tail)).toEqual(["4", "5"]);
});

test("text that begins within a line begins with the next", () => {
  const tail = new TailLines(10, true);

  tail.add("half a li");
  expect(shown(tail)).toEqual([]);
  tail.add("ne\nwhole\n");
  expect(shown(tail)).toEqual(["whole"]);
});

test("an endless line is cut, and says by how much", () => {
  const tail = new TailLines(10, false);

  tail.add("x".repeat(5000));

  expect([tail.shown()[0]?.spans[0]?.text.length, tail.shown()[0]?.cut]).toEqual([4000, 1000]);
});
