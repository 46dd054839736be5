import { expect, test } from "vitest";
import { kindOf } from "./fileKind";

test("a file is shown by the ending of its name, in any case, and as text without one", () => {
  const paths = ["out/report.MD", "a.json", "rows.tsv", "plot.png", "model.safetensors", "run.log", "Makefile"];

  expect(paths.map(kindOf)).toEqual(["markdown", "json", "csv", "image", "binary", "text", "text"]);
});

test("what a browser would run is shown as its text", () => {
  expect(["page.html", "drawing.svg", "script.js"].map(kindOf)).toEqual(["text", "text", "text"]);
});
