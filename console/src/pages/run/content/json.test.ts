import { expect, test } from "vitest";
import { parseJson, typedOf } from "./json";
import { compactText } from "./preview";

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

const typed = (text: string) => {
  const value = parseJson(text);
  return value && typedOf(value);
};

test("leaves of the typed encoding become chips with their Python type", () => {
  const texts = [
    '{"$datetime":"2024-12-28T14:30:00+00:00"}',
    '{"$Decimal":"1.10"}',
    '{"$float":"nan"}',
    '{"$int":"9007199254740992"}',
    '{"$timedelta":[1,3600,500000]}',
    '{"$range":[0,3,1]}',
    '{"$opaque":{"type":"_thread:lock","repr":"<unlocked>"}}',
  ];

  expect(texts.map(typed)).toEqual([
    { is: "chip", type: "datetime", text: "2024-12-28 14:30:00+00:00" },
    { is: "chip", type: "Decimal", text: "1.10" },
    { is: "chip", type: "float", text: "nan" },
    { is: "chip", type: "int", text: "9007199254740992" },
    { is: "chip", type: "timedelta", text: "1 d 3600.5 s" },
    { is: "chip", type: "range", text: "range(0, 3, 1)" },
    { is: "chip", type: "_thread:lock", text: "<unlocked>" },
  ]);
});

test("a plain object is none, however its keys are called, nor is a tag with the wrong content", () => {
  const texts = ['{"$set":1}', '{"a":1}', '{"$datetime":"x","b":1}', '{"$unknown":"x"}', "[1]", "{}"];

  expect(texts.map(typed)).toEqual(texts.map(() => null));
});

test("an exception has its type and message apart, and what else is known of it", () => {
  const found = typed('{"$exception":{"type":"KeyError","message":"\'k\'","args":["k"]}}');

  expect(found).toMatchObject({ is: "raised", type: "KeyError", message: "'k'", rest: [{ key: { text: "args" } }] });
});

test("a cut says how much there was, its digest and how it began", () => {
  const found = typed('{"$cut":{"type":"str","reason":"size","bytes":1500000,"sha256":"ab","head":"xxx"}}');

  expect(found).toEqual({
    is: "cut",
    type: "str",
    facts: { reason: "size", bytes: 1500000, items: null, sha256: "ab" },
    head: { is: "string", text: "xxx", isCut: false },
  });
});

test("a row shows a value on one line, as short as there is room for", () => {
  const texts = [
    '{"order":{"$tuple":[1,"a"]},"at":{"$date":"2024-12-28"},"raw":{"$bytes":"AAEC"}}',
    '{"$dict":[[1,"a"],[{"$tuple":[1,2]},"b"]]}',
    '{"$exception":{"type":"ValueError","message":"no"}}',
    '"two\\nlines"',
    `["${"x".repeat(400)}`,
    "not json",
  ];

  expect(texts.map(compactText)).toEqual([
    "{order: tuple [1, “a”], at: 2024-12-28, raw: 3 B}",
    "{1: “a”, tuple [1, 2]: “b”}",
    "ValueError: no",
    "“two lines”",
    `[“${"x".repeat(198)}…`,
    "not json",
  ]);
});
