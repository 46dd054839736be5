import { expect, test } from "vitest";
import { isImage, laidOutJson, readable } from "./preview";

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
