import { expect, test } from "vitest";
import { conversationOf, type Part } from "./conversation";
import { parseJson } from "./json";
import { compactJson } from "./preview";

/** A conversation as lines: whose, and what; then what else the body says. Null where it is none. */
function read(body: unknown): string[] | null {
  const value = parseJson(typeof body === "string" ? body : JSON.stringify(body));
  const found = value && conversationOf(value);
  if (!found) return null;
  const lines = found.messages.map(({ role, name, parts }) => `${name ? `${role} ${name}` : role}: ${drawn(parts)}`);
  const others = found.others.map(({ key }) => (key.is === "string" ? key.text : ""));
  return [...lines, ...(others.length > 0 ? [`+ ${others.join()}`] : []), ...(found.isCut ? ["cut"] : [])];
}

function drawn(parts: readonly Part[]): string {
  return parts.map(drawnPart).join(" | ");
}

function drawnPart(part: Part): string {
  if (part.is === "text") return part.isCut ? `${part.text}…` : part.text;
  if (part.is === "call") return `${part.name}!${part.given ? compactJson(part.given) : ""}`;
  if (part.is === "result") return `${part.name ?? part.id}${part.hasFailed ? "!" : ""}? ${drawn(part.parts)}`;
  return part.is === "other" ? compactJson(part.of) : `(${part.text})`;
}

const IMAGE = { type: "image_url", image_url: { url: "data:image/png;base64,AA" } };

test("OpenAI's chat: content as text or parts, tool calls and their answers", () => {
  const call = { id: "c1", type: "function", function: { name: "weather", arguments: '{"city": "Paris"}' } };
  expect(
    read({
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: [{ type: "text", text: "What is\nthis?" }, IMAGE] },
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "c1", content: "sunny" },
      ],
      model: "gpt-4o",
      tools: [],
    }),
  ).toEqual([
    "system: Be brief.",
    "user: What is\nthis? | {type: “image_url”, image_url: {url: “data:image/png;base64,AA”}}",
    "assistant: weather!{city: “Paris”}",
    "tool: weather? sunny",
    "+ model,tools",
  ]);
});

test("OpenAI's answers: a message, the choices of a completion, an older function call", () => {
  const completion = { id: "x", choices: [{ index: 0, message: { role: "assistant", content: "Hi." } }], usage: {} };
  const called = { role: "assistant", content: "", function_call: { name: "go", arguments: "{}" }, audio: null };

  expect([read(completion), read(called), read({ role: "assistant", content: "Yes.", refusal: null })]).toEqual([
    ["assistant: Hi.", "+ id,usage"],
    ["assistant: go!{}"],
    ["assistant: Yes."],
  ]);
});

test("OpenAI's responses: items, with reasoning and calls among them", () => {
  expect(
    read({
      model: "gpt-5",
      instructions: "Be brief.",
      input: [
        { role: "user", content: [{ type: "input_text", text: "Weather?" }] },
        { type: "reasoning", id: "r", summary: [{ type: "summary_text", text: "Look it up." }] },
        { type: "function_call", call_id: "c1", name: "weather", arguments: '{"city":"Paris"}' },
        { type: "function_call_output", call_id: "c1", output: "sunny" },
      ],
    }),
  ).toEqual([
    "system: Be brief.",
    "user: Weather?",
    "assistant: (Look it up.)",
    "assistant: weather!{city: “Paris”}",
    "tool: weather? sunny",
    "+ model",
  ]);
  const output = [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "Sunny." }] }];
  expect(read({ id: "resp", output })).toEqual(["assistant: Sunny.", "+ id"]);
});

test("Anthropic's content blocks, with the system's words beside the messages", () => {
  expect(
    read({
      system: [{ type: "text", text: "Be brief." }],
      max_tokens: 100,
      messages: [
        { role: "user", content: "Weather?" },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "I look.", signature: "s" },
            { type: "text", text: "A moment." },
            { type: "tool_use", id: "t1", name: "weather", input: { city: "Paris" } },
          ],
        },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "sunny" }] }],
        },
      ],
    }),
  ).toEqual([
    "system: Be brief.",
    "user: Weather?",
    "assistant: (I look.) | A moment. | weather!{city: “Paris”}",
    "user: weather? sunny",
    "+ max_tokens",
  ]);
  expect(
    read({
      id: "m",
      type: "message",
      role: "assistant",
      content: [{ type: "text", text: "Sunny." }],
      usage: { in: 1 },
    }),
  ).toEqual(["assistant: Sunny.", "+ usage"]);
});

test("OpenTelemetry's parts, as its instrumentations write them", () => {
  expect(
    read({
      messages: [
        { role: "user", parts: [{ content: "Weather?", type: "text" }] },
        { role: "assistant", parts: [{ type: "tool_call", name: "weather", id: "c1", arguments: { city: "Paris" } }] },
        { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "sunny" }] },
        { role: "user", parts: [{ type: "tool_call_response", id: "c1", name: "sky", result: { of: 1 } }] },
        { role: "assistant", parts: [{ type: "blob", mime_type: "image/png" }], finish_reason: "stop" },
      ],
    }),
  ).toEqual([
    "user: Weather?",
    "assistant: weather!{city: “Paris”}",
    "tool: weather? sunny",
    "user: sky? {of: 1}",
    "assistant: {type: “blob”, mime_type: “image/png”}",
  ]);
});

test("OpenInference's messages, and LangChain's as they are written", () => {
  const toolCalls = [{ id: "c1", function: { name: "weather", arguments: '{"city": "Paris"}' } }];
  const ai = { content: "", tool_calls: [{ name: "weather", args: { city: "Paris" }, id: "c1", type: "tool_call" }] };

  expect(read({ messages: [{ role: "assistant", tool_calls: toolCalls }] })).toEqual([
    "assistant: weather!{city: “Paris”}",
  ]);
  expect(
    read([
      { type: "human", data: { content: "Weather?", type: "human", name: null } },
      { type: "ai", data: { ...ai, type: "ai", response_metadata: { id: "x" } } },
      { type: "tool", data: { content: "sunny", type: "tool", name: "weather", tool_call_id: "c1" } },
    ]),
  ).toEqual(["user: Weather?", "assistant: weather!{city: “Paris”}", "tool weather: weather? sunny"]);
  expect(read({ messages: [["user", "Weather?"]] })).toEqual(["user: Weather?"]);
});

test("Gemini's contents", () => {
  expect(
    read({
      systemInstruction: { parts: [{ text: "Be brief." }] },
      contents: [
        { role: "user", parts: [{ text: "Weather?" }] },
        { role: "model", parts: [{ functionCall: { name: "weather", args: { city: "Paris" } } }] },
        { role: "user", parts: [{ functionResponse: { name: "weather", response: { sky: "sunny" } } }] },
      ],
    }),
  ).toEqual(["system: Be brief.", "user: Weather?", "model: weather!{city: “Paris”}", "user: weather? {sky: “sunny”}"]);
  expect(read({ candidates: [{ content: { role: "model", parts: [{ text: "Sunny." }] } }] })).toEqual([
    "model: Sunny.",
  ]);
});

test("messages that a function was given, by name or alone, and those of recorded objects", () => {
  const messages = [{ role: "user", content: "Hi" }];
  const object = { $object: { type: "openai.Message", state: { role: "assistant", content: "Yes." } } };

  expect([
    read({ args: [], kwargs: { messages, model: "gpt-4o" } }),
    read({ args: [messages], kwargs: { limit: 1 } }),
    read({ $tuple: [object] }),
  ]).toEqual([["user: Hi", "+ model"], ["user: Hi", "+ limit"], ["assistant: Yes."]]);
});

test("a conversation that is cut off is told as far as it came", () => {
  expect([
    read('{"messages":[{"role":"user","content":"Wea'),
    read('[{"role":"user","content":"a"},{"role":"user"'),
    read('[{"role":"user","content":"a"},{"role":"ass'),
    read('[{"role":"ass'),
  ]).toEqual([["user: Wea…", "cut"], ["user: a", "user: ", "cut"], ["user: a", "cut"], null]);
});

test("what holds no messages is no conversation", () => {
  const people = [{ role: "admin", content: "x" }];

  expect(
    [people, { messages: ["a"] }, { messages: [{ role: "user", age: 7 }] }, [], {}, { choices: [] }, "Hi", 7].map(read),
  ).toEqual(Array(8).fill(null));
  expect(read({ messages: [{ role: "user", content: "Hi" }, { from: "me" }] })).toBeNull();
  expect(read({ args: ["Hi"], kwargs: {} })).toBeNull();
});

test("a tool's answer that is told to be an error is one", () => {
  const failed = { type: "tool_result", tool_use_id: "t1", is_error: true, content: "no such city" };
  expect(
    read({
      messages: [
        { role: "user", content: [failed, { ...failed, is_error: false, content: "sunny" }] },
        { type: "tool", tool_call_id: "t2", status: "error", content: "timed out" },
      ],
    }),
  ).toEqual(["user: t1!? no such city | t1? sunny", "tool: t2!? timed out"]);
});

test("calls of a model that nobody could read stay in view", () => {
  const unread = { name: "weather", args: "{city", id: "t2", error: "no JSON" };
  const messages = [[unread], []].map((calls) => ({ type: "ai", content: "Once more.", invalid_tool_calls: calls }));
  const value = parseJson(JSON.stringify({ messages }));
  const others = value && conversationOf(value)?.messages.map((message) => message.others.length);
  expect(others).toEqual([1, 0]);
});
