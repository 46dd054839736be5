import { expect, test } from "vitest";
import { causeOf } from "./ErrorPage";

const MISSING = [
  "TypeError: Failed to fetch dynamically imported module: http://titan/assets/StorePage-1.js",
  "TypeError: error loading dynamically imported module: http://titan/assets/StorePage-1.js",
  "TypeError: Importing a module script failed.",
  "Error: Unable to preload CSS for /assets/StorePage-1.css",
];

test("a part of the page that cannot be loaded while the server is away is no upgrade", () => {
  expect(MISSING.map((text) => causeOf(text, "away"))).toEqual(MISSING.map(() => "away"));
  expect(MISSING.map((text) => causeOf(text, "connecting"))).toEqual(MISSING.map(() => "away"));
});

test("a part of the page that a server which answers does not have is of before an upgrade", () => {
  expect(MISSING.map((text) => causeOf(text, "live"))).toEqual(MISSING.map(() => "upgraded"));
});

test("any other error is a page that broke, whether the server is there or not", () => {
  expect(causeOf("TypeError: x is undefined", "live")).toBe("broken");
  expect(causeOf("TypeError: x is undefined", "away")).toBe("broken");
});
