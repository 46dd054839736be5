import { expect, test } from "vitest";
import { bytesOf, hexHead, sniffed } from "./JsonView";

test("bytes are known by their beginning, also of a text that was cut off", () => {
  const png = bytesOf("iVBORw0KGgoAAAANSUhEUgA") ?? new Uint8Array();

  expect([sniffed(png), sniffed(new Uint8Array([1, 2])), bytesOf("§§§§")]).toEqual(["image/png", null, null]);
  expect(hexHead(png, 2)).toBe("89 50 4e 47 0d 0a 1a 0a  .PNG....\n00 00 00 0d 49 48 44     ....IHD");
});
