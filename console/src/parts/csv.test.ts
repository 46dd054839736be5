import { expect, test } from "vitest";
import { columnCount, parseCsv } from "./csv";

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
