import { expect, test } from "vitest";
import { columnCount, isImage, kindOf, laidOutJson, parseCsv, readable } from "./files";

test("a file is shown by the ending of its name, in any case, and as text without one", () => {
  const paths = ["out/report.MD", "a.json", "rows.tsv", "plot.png", "model.safetensors", "run.log", "Makefile"];

  expect(paths.map(kindOf)).toEqual(["markdown", "json", "csv", "image", "binary", "text", "text"]);
});

test("what a browser would run is shown as its text", () => {
  expect(["page.html", "drawing.svg", "script.js"].map(kindOf)).toEqual(["text", "text", "text"]);
});

test("bytes that are no text are not shown as one, and a letter cut in two is no reason", () => {
  const cut = new TextEncoder().encode("Grüße").slice(0, 3);

  expect([readable(cut), readable(new Uint8Array([1, 0, 2])), readable(new Uint8Array([0xff, 0xfe, 65]))]).toEqual([
    "Gr",
    null,
    null,
  ]);
});

test("objects and lists are laid out, and nothing else is", () => {
  const texts = ['{"a":1.0}', "12", '"[1]"', "{no", " [1]"];

  expect(texts.map(laidOutJson)).toEqual(['{\n  "a": 1.0\n}', null, null, null, "[\n  1\n]"]);
});

test("images are known by their ending", () => {
  expect(["a.PNG", "b.jpeg", "c.svg", "png"].map(isImage)).toEqual([true, true, false, false]);
});

test("cells are split at commas and rows at either line end", () => {
  expect(parseCsv("a,b\r\n1,\n,2", 9).rows).toEqual([
    ["a", "b"],
    ["1", ""],
    ["", "2"],
  ]);
});

test("a quoted cell holds commas, line ends and quotes", () => {
  expect(parseCsv('"x, ""y""\nz",2\n', 9).rows).toEqual([['x, "y"\nz', "2"]]);
});

test("a quote that is never closed ends with the text", () => {
  expect(parseCsv('a,"b\nc', 9).rows).toEqual([["a", "b\nc"]]);
});

test("only as many rows as asked for, and whether there are more", () => {
  expect(parseCsv("1\n2\n3\n", 2)).toEqual({ rows: [["1"], ["2"]], isCut: true });
  expect(parseCsv("1\n2\n", 2).isCut).toBe(false);
});

test("tabs separate too, and a byte order mark is no text", () => {
  expect(parseCsv("\ufeffa\tb,c", 9, "\t").rows).toEqual([["a", "b,c"]]);
});

test("a table is as wide as its longest row, not as its head", () => {
  expect(columnCount(parseCsv("a,b\n1,2,3\n4\n", 9).rows)).toBe(3);
  expect(columnCount([])).toBe(0);
});
