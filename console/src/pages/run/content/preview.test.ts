import { expect, test } from "vitest";
import { compactText, handoffOf, textPreview, valuePreview } from "./preview";

const ASKED = [
  { role: "system", content: "You are brief." },
  { role: "user", content: "Where is\n my order?" },
  { role: "assistant", content: null, tool_calls: [{ id: "a" }] },
];

test("the gist of a text is its beginning on one line", () => {
  expect(textPreview('"Where is\\n  my order?"')).toBe("Where is my order?");
  expect(textPreview(JSON.stringify("a".repeat(300)))).toBe(`${"a".repeat(200)}…`);
  expect([textPreview('" "'), textPreview("null")]).toEqual([null, null]);
});

test("the gist of messages is the last that somebody wrote, wherever they stand", () => {
  const parts = [{ role: "user", parts: [{ type: "text", content: "And the price?" }] }];

  expect(
    [ASKED, { messages: ASKED }, { input: ASKED, model: "m" }, parts].map((body) => textPreview(JSON.stringify(body))),
  ).toEqual(["Where is my order?", "Where is my order?", "Where is my order?", "And the price?"]);
  expect(
    textPreview('{"role":"assistant","content":[{"type":"text","text":"It is"},{"type":"text","text":"here."}]}'),
  ).toBe("It is here.");
});

test("the gist of what a turn was given is what it was given", () => {
  expect(
    [
      { args: ["What is LoRA?"], kwargs: {} },
      { args: ["lora"], kwargs: { limit: 5 } },
      { args: [7], kwargs: {} },
      { args: [" "], kwargs: {} },
      { args: [], kwargs: { messages: ASKED } },
    ].map((body) => textPreview(JSON.stringify(body))),
  ).toEqual(["What is LoRA?", "“lora”, limit: 5", "7", null, "Where is my order?"]);
});

test("the gist of an answer that only calls tools is the calls", () => {
  const call = (name: string, written: string) => ({ id: name, function: { name, arguments: written } });
  const calls = [call("find", '{"order": 1077}'), call("now", "{}"), call("odd", "not JSON")];

  expect(textPreview(JSON.stringify({ role: "assistant", content: null, tool_calls: calls }))).toBe(
    "find(order: 1077), now(), odd(“not JSON”)",
  );
});

test("a preview is the gist of messages, and of anything else its value", () => {
  expect(
    [{ messages: ASKED }, { args: ["lora"], kwargs: {} }, "lora", { content: "I look." }].map((body) =>
      valuePreview(JSON.stringify(body)),
    ),
  ).toEqual(["Where is my order?", "“lora”", "“lora”", "{content: “I look.”}"]);
});

test("messages cut off before anybody wrote have no gist", () => {
  expect(textPreview('[{"role":"system","content":"You are')).toBeNull();
});

test("of messages that were cut off the gist says that more may follow", () => {
  expect(textPreview('[{"role":"user","content":"Where is my order?"},{"role":"ass')).toBe("Where is my order? …");
});

test("of what is no text the gist is the value on one line", () => {
  expect([textPreview('{"order": 1077}'), textPreview("42"), textPreview("[1, 2]"), textPreview("not JSON")]).toEqual([
    "{order: 1077}",
    "42",
    "[1, 2]",
    "not JSON",
  ]);
});

test("a handoff tells to whom, and perhaps from whom and why", () => {
  expect(handoffOf('{"to":"WRITER","reason":"the facts are there"}')).toEqual({
    from: null,
    to: "WRITER",
    reason: "the facts are there",
  });
  expect(handoffOf('{"from":"Triage","to":"Pricing"}')).toEqual({ from: "Triage", to: "Pricing", reason: null });
  expect([handoffOf('{"order":1}'), handoffOf('"WRITER"'), handoffOf("no JSON")]).toEqual([null, null, null]);
});

test("arguments that nobody named are written as in a call", () => {
  expect(
    [
      { args: ["What is LoRA?"], kwargs: {} },
      { args: ["lora", 3], kwargs: { limit: 5, of: { year: 2024 } } },
      { args: [], kwargs: { path: "corpus" } },
      { args: [["a"], { b: null }] },
      { args: [], kwargs: {} },
    ].map((given) => compactText(JSON.stringify(given))),
  ).toEqual(["“What is LoRA?”", "“lora”, 3, limit: 5, of: {year: 2024}", "path: “corpus”", "[“a”], {b: null}", "()"]);
});

test("arguments that were cut off are written as far as they came", () => {
  expect(compactText('{"args":["a long qu')).toBe("“a long qu…”, …");
  expect(compactText('{"args":["a"],"kwargs":{"limit":5,"of":[1')).toBe("“a”, limit: 5, of: [1, …], …");
});

test("what only has a key of that name stays the object that it is", () => {
  expect(
    [{ args: ["a"], command: "run" }, { args: "a b" }, { kwargs: [1] }, {}].map((one) =>
      compactText(JSON.stringify(one)),
    ),
  ).toEqual(["{args: [“a”], command: “run”}", "{args: “a b”}", "{kwargs: [1]}", "{}"]);
});
