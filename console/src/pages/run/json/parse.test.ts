import { expect, test } from "vitest";
import { parseJson } from "./parse";

const cutOf = (text: string) => {
  const value = parseJson(text);
  return value && "isCut" in value ? value.isCut : null;
};

test("numbers keep their digits, and keys that come twice stay", () => {
  const value = parseJson('{"a": 1.10, "a": 12345678901234567890, "b": [true, null, -0e5]}');

  expect(value).toEqual({
    is: "object",
    isCut: false,
    entries: [
      { key: { is: "string", text: "a", isCut: false }, value: { is: "number", text: "1.10" } },
      { key: { is: "string", text: "a", isCut: false }, value: { is: "number", text: "12345678901234567890" } },
      {
        key: { is: "string", text: "b", isCut: false },
        value: {
          is: "list",
          isCut: false,
          items: [
            { is: "word", text: "true" },
            { is: "word", text: "null" },
            { is: "number", text: "-0e5" },
          ],
        },
      },
    ],
  });
});

test("wherever a text is cut off, what stands before is read, and it says that it is cut", () => {
  const text = '{"a":[1,{"b":"x\\u00e9\\"y"},true],"c":null}';

  for (let length = 1; length < text.length; length += 1)
    expect(cutOf(text.slice(0, length)), text.slice(0, length)).toBe(true);
  expect(cutOf(text)).toBe(false);
});

test("a string that is cut within an escape keeps what stands before it", () => {
  const texts = ['"a\\', '"a\\u00', '"a\\\\', '"a\\"', '"a\\\\u00'];

  expect(texts.map(parseJson)).toEqual(
    ["a", "a", "a\\", 'a"', "a\\u00"].map((text) => ({ is: "string", text, isCut: true })),
  );
});

test("what is no JSON is none", () => {
  expect(["{a:1}", "[1 2]", "nope", "1 2", "{1:2}", '{"a" 1}', "[".repeat(5000)].map(parseJson)).toEqual(
    Array.from({ length: 7 }, () => null),
  );
});
