/** Find the messages of a model conversation in a recorded body, in the formats of the common providers. */
import { type Entry, givenOf, isNothing, type Json, memberOf, parseJson, unwrapped, wordAt } from "./json";

export interface Conversation {
  readonly messages: readonly Message[];
  /** Other fields of the body: model, tools, temperature. */
  readonly others: readonly Entry[];
  /** Whether the body was truncated. */
  readonly isCut: boolean;
}

const LISTS = ["messages", "input", "contents", "output"] as const;
const CHOICES = ["choices", "candidates"] as const;
const SYSTEMS = ["system", "instructions", "systemInstruction", "system_instruction"] as const;

/** Returns the conversation in a body; null without one. */
export function conversationOf(body: Json): Conversation | null {
  const value = unwrapped(body);
  const found = listed(value) ?? inGiven(value) ?? inMembers(value) ?? inChoices(value) ?? alone(value);
  return found && { ...found, messages: withNames(found.messages) };
}

function listed(value: Json): Conversation | null {
  if (value.is !== "list" || value.items.length === 0) return null;
  const messages: Message[] = [];
  for (const [at, item] of value.items.entries()) {
    const message = messageOf(item);
    if (message) messages.push(message);
    else if (!isCutOff(item) || at < value.items.length - 1) return null;
  }
  return messages.length > 0 ? { messages, others: [], isCut: value.isCut } : null;
}

/** Whether the text was truncated before this could be a message. */
function isCutOff(item: Json): boolean {
  return item.is === "object" && item.isCut;
}

/** Finds messages among the arguments of a function. */
function inGiven(value: Json): Conversation | null {
  const given = givenOf(value);
  if (!given) return null;
  const named: Json = { is: "object", entries: given.kwargs, isCut: given.isCut };
  if (given.args.length === 0) return inMembers(named);
  const [first, ...more] = given.args;
  const found = first && more.length === 0 ? conversationOf(first) : null;
  return found && { ...found, others: [...found.others, ...given.kwargs], isCut: found.isCut || given.isCut };
}

function inMembers(value: Json): Conversation | null {
  if (value.is !== "object") return null;
  for (const name of LISTS) {
    const list = memberOf(value, name);
    const found = list && listed(list);
    if (!found) continue;
    const others = value.entries.filter(({ key }) => !isNamed(key, name));
    const systems = others.flatMap(({ key, value: inner }) => (isNamed(key, ...SYSTEMS) ? systemOf(inner) : []));
    return {
      messages: [...systems, ...found.messages],
      others: systems.length > 0 ? others.filter(({ key }) => !isNamed(key, ...SYSTEMS)) : others,
      isCut: found.isCut || value.isCut,
    };
  }
  return null;
}

/** Finds messages in an answer of OpenAI's or Gemini's API: one in each choice. */
function inChoices(value: Json): Conversation | null {
  const choices = memberOf(value, ...CHOICES);
  if (value.is !== "object" || choices?.is !== "list") return null;
  const shownToasts = choices.items.map((choice) => memberOf(choice, "message", "content"));
  const found = listed({ is: "list", items: shownToasts.filter((message) => message !== null), isCut: choices.isCut });
  if (!found || found.messages.length < choices.items.length) return null;
  return { ...found, others: value.entries.filter(({ key }) => !isNamed(key, ...CHOICES)) };
}

/** Reads an answer that is a message itself. */
function alone(value: Json): Conversation | null {
  const message = value.is === "object" ? messageOf(value) : null;
  if (!message || value.is !== "object") return null;
  return { messages: [{ ...message, others: [] }], others: message.others, isCut: value.isCut };
}

function systemOf(value: Json): Message[] {
  const parts = partsOf(memberOf(value, "parts") ?? value);
  return parts.length > 0 ? [{ role: "system", name: null, parts, others: [] }] : [];
}

/** Adds the tool's name to results, from the call with the same id. */
function withNames(messages: readonly Message[]): Message[] {
  const names = new Map<string, string>();
  return messages.map((message) => {
    for (const part of message.parts) if (part.is === "call" && part.id !== null) names.set(part.id, part.name);
    const parts = message.parts.map((part) =>
      part.is === "result" && part.name === null ? { ...part, name: names.get(part.id ?? "") ?? null } : part,
    );
    return { ...message, parts };
  });
}

function isNamed(key: Json, ...names: readonly string[]): boolean {
  return key.is === "string" && names.includes(key.text);
}

export interface Message {
  /** `system`, `user`, `assistant`, `tool` or another role. */
  readonly role: string;
  /** The answering tool, or the speaker. */
  readonly name: string | null;
  readonly parts: readonly Part[];
  /** Unknown fields: tokens, signatures, metadata. */
  readonly others: readonly Entry[];
}

/** Other names of roles. */
const ROLES: Readonly<Record<string, string>> = { human: "user", ai: "assistant", AIMessageChunk: "assistant" };
const KNOWN: ReadonlySet<string> = new Set(["system", "developer", "user", "assistant", "model", "tool", "function"]);
const CONTENTS = ["content", "parts", "contents", "text"] as const;
const THOUGHTS = ["reasoning_content", "reasoning", "thinking"] as const;
const SAID: ReadonlySet<string> = new Set([...CONTENTS, ...THOUGHTS, "tool_calls", "function_call", "refusal"]);
/** Fields that are already shown. */
const BESIDE: ReadonlySet<string> = new Set([
  ...SAID,
  ...["role", "type", "name", "id", "index", "object", "status", "tool_call_id", "data"],
]);
/** Items of OpenAI's Responses API that are messages of their own. */
const ITEMS: Readonly<Record<string, string>> = {
  function_call: "assistant",
  function_call_output: "tool",
  reasoning: "assistant",
};

/** Returns a value as a message; null where it is not one. */
export function messageOf(value: Json): Message | null {
  const given = unwrapped(value);
  if (given.is === "list") return pairOf(given.items);
  if (given.is !== "object") return null;
  const item = ITEMS[wordAt(given, "type") ?? ""];
  if (item && wordAt(given, "role") === null) return { role: item, name: null, parts: partsOf(given), others: [] };
  const data = memberOf(given, "data");
  const body = data?.is === "object" && wordAt(given, "role") === null ? data : given; // LangChain's serialized form
  const role = roleNamed(wordAt(given, "role", "type"));
  if (role === null || body.is !== "object" || !saysSomething(body)) return null;
  const parts = saidIn(body);
  return {
    role,
    name: wordAt(body, "name"),
    parts: role === "tool" || role === "function" ? [toolResult(body, parts)] : parts,
    others: body.entries.filter(({ key, value: inner }) => !isNamedIn(BESIDE, key) && !isNothing(inner)),
  };
}

/** Reads a pair of role and text, as LangGraph accepts. */
function pairOf([who, words, ...more]: readonly Json[]): Message | null {
  if (who?.is !== "string" || words?.is !== "string" || more.length > 0) return null;
  const role = roleNamed(who.text);
  return role === null ? null : { role, name: null, parts: partsOf(words), others: [] };
}

function roleNamed(name: string | null): string | null {
  const role = ROLES[name ?? ""] ?? name;
  return role !== null && KNOWN.has(role) ? role : null;
}

function saysSomething(body: Json & { is: "object" }): boolean {
  return body.isCut || body.entries.some(({ key }) => isNamedIn(SAID, key));
}

function saidIn(body: Json): Part[] {
  const thought = memberOf(body, ...THOUGHTS);
  const content = memberOf(body, ...CONTENTS);
  const calls = memberOf(body, "tool_calls");
  const alone = memberOf(body, "function_call");
  const refusal = memberOf(body, "refusal");
  const parts = content ? partsOf(content) : [];
  const known = new Set(parts.flatMap((part) => (part.is === "call" && part.id !== null ? [part.id] : [])));
  const called = [...(calls?.is === "list" ? calls.items : []), ...(alone ? [alone] : [])].map(
    (call): Part => callOf(call) ?? { is: "other", of: call },
  );
  return [
    ...(thought ? partsOf(thought).map(asThought) : []),
    ...parts,
    ...(refusal ? partsOf(refusal) : []),
    ...called.filter((call) => call.is !== "call" || call.id === null || !known.has(call.id)), // LangChain stores them twice
  ];
}

function asThought(part: Part): Part {
  return part.is === "text" ? { ...part, is: "thought" } : part;
}

function toolResult(body: Json, parts: readonly Part[]): Part {
  const [first] = parts;
  if (parts.length === 1 && first?.is === "result") return first;
  const hasFailed = saysFailed(body);
  return { is: "result", id: wordAt(body, "tool_call_id"), name: wordAt(body, "name"), parts, hasFailed };
}

function isNamedIn(names: ReadonlySet<string>, key: Json): boolean {
  return key.is === "string" && names.has(key.text);
}

export type Part =
  | Words
  | { readonly is: "call"; readonly name: string; readonly id: string | null; readonly given: Json | null }
  | Result
  | { readonly is: "other"; readonly of: Json };

export interface Result {
  readonly is: "result";
  readonly id: string | null;
  readonly name: string | null;
  readonly parts: readonly Part[];
  /** Whether the tool failed: Anthropic's `is_error`, LangChain's `status`. */
  readonly hasFailed: boolean;
}

export interface Words {
  readonly is: "text" | "thought";
  readonly text: string;
  readonly isCut: boolean;
}

const TEXTS: ReadonlySet<string | null> = new Set(["text", "input_text", "output_text", null]);
const THOUGHT_TYPES: ReadonlySet<string | null> = new Set(["thinking", "reasoning", "reasoning_text", "summary_text"]);
const CALLS: ReadonlySet<string | null> = new Set([
  "tool_use",
  "tool_call",
  "function_call",
  "server_tool_use",
  "function",
]);
const RESULTS: ReadonlySet<string | null> = new Set(["tool_result", "tool_call_response", "function_call_output"]);

/** Returns the parts of a content: a text, a list of parts, or one part. */
function partsOf(content: Json): Part[] {
  const value = unwrapped(content);
  if (isNothing(value)) return [];
  if (value.is === "list") return value.items.flatMap(partsOf);
  if (value.is === "string") return [{ is: "text", text: value.text, isCut: value.isCut }];
  return [partOf(value)];
}

/** Returns a tool call in any known format; null where it is not one. */
function callOf(value: Json): Part | null {
  const call = unwrapped(value);
  const inner = memberOf(call, "function", "functionCall", "function_call") ?? call;
  const name = wordAt(inner, "name");
  if (name === null) return null;
  const given = memberOf(inner, "arguments", "args", "input");
  return { is: "call", name, id: wordAt(call, "id", "call_id", "tool_call_id"), given: given && unwritten(given) };
}

function partOf(value: Json): Part {
  const type = wordAt(value, "type");
  const part = THOUGHT_TYPES.has(type) ? thoughtOf(value) : TEXTS.has(type) ? textOf(value) : null;
  if (part) return part;
  if (RESULTS.has(type)) return resultOf(value);
  const answer = memberOf(value, "functionResponse", "function_response");
  if (answer) return resultOf(answer);
  const isCall = CALLS.has(type) || memberOf(value, "functionCall", "function_call") !== null;
  return (isCall ? callOf(value) : null) ?? { is: "other", of: value };
}

function textOf(value: Json): Part | null {
  const text = memberOf(value, "text", "content");
  const words = text?.is === "object" ? memberOf(text, "value") : text;
  return words?.is === "string" ? { is: "text", text: words.text, isCut: words.isCut } : null;
}

function thoughtOf(value: Json): Part | null {
  const shownToasts = memberOf(value, "thinking", "text", "content", "summary", "reasoning");
  const texts = shownToasts ? partsOf(shownToasts).filter(isWords) : [];
  if (texts.length === 0) return null;
  return { is: "thought", text: texts.map((one) => one.text).join("\n\n"), isCut: texts.some((one) => one.isCut) };
}

function isWords(part: Part): part is Words {
  return part.is === "text" || part.is === "thought";
}

function resultOf(value: Json): Part {
  const shownToasts = memberOf(value, "content", "response", "result", "output");
  return {
    is: "result",
    id: wordAt(value, "tool_use_id", "call_id", "tool_call_id", "id"),
    name: wordAt(value, "name"),
    parts: shownToasts ? partsOf(shownToasts) : [],
    hasFailed: saysFailed(value),
  };
}

/** Returns whether a tool's answer is an error. */
function saysFailed(value: Json): boolean {
  const flag = memberOf(value, "is_error", "isError");
  return (flag?.is === "word" && flag.text === "true") || wordAt(value, "status") === "error";
}

/** Parses a text of JSON: arguments mostly are one. */
function unwritten(value: Json): Json {
  const read = value.is === "string" ? parseJson(value.text) : null;
  return read?.is === "object" || read?.is === "list" ? read : value;
}
