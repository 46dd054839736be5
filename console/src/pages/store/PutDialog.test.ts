import { expect, test } from "vitest";
import { spelled, spellingOf, unspelled } from "./PutDialog";

/** As a text field gives what it was given. */
function throughField(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}

test.each([
  ["", "plain"],
  ["one\ntwo\n", "plain"],
  ["one\r\ntwo\r\n", "crlf"],
  ["one\r\ntwo\n", "json"],
  ["10 %\r100 %\n", "json"],
  ["\r", "json"],
  ["\r\r\n", "json"],
] as const)("%j comes back unchanged, as %s", (value, spelling) => {
  expect(spellingOf(value)).toBe(spelling);
  expect(unspelled(throughField(spelled(value, spelling)), spelling)).toBe(value);
});

test("a line that is added to lines with CR LF ends so too", () => {
  expect(unspelled("one\ntwo\nthree\n", "crlf")).toBe("one\r\ntwo\r\nthree\r\n");
});

test.each(['"open', "7", ""])("%j is no text of JSON", (text) => {
  expect(unspelled(text, "json")).toBeNull();
});
