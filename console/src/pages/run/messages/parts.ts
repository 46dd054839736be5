/**
 * What a message says, piece by piece, in the words of whoever stored it: OpenAI's and Anthropic's content, OpenTelemetry's
 * and Gemini's parts, LangChain's tool calls. What is none of these stays the value that it is.
 */
import { isNothing, memberOf, opened, wordAt } from "../json/look";
import { type Json, parseJson } from "../json/parse";

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
  /** Whether the tool failed, and this is its error: Anthropic's `is_error`, LangChain's `status`. */
  readonly hasFailed: boolean;
}

export interface Words {
  readonly is: "text" | "thought";
  readonly text: string;
  readonly isCut: boolean;
}

const TEXTS: ReadonlySet<string | null> = new Set(["text", "input_text", "output_text", null]);
const THOUGHTS: ReadonlySet<string | null> = new Set(["thinking", "reasoning", "reasoning_text", "summary_text"]);
const CALLS: ReadonlySet<string | null> = new Set([
  "tool_use",
  "tool_call",
  "function_call",
  "server_tool_use",
  "function",
]);
const RESULTS: ReadonlySet<string | null> = new Set(["tool_result", "tool_call_response", "function_call_output"]);

/** Returns the pieces of a content: a text, a list of parts, or one part. */
export function partsOf(content: Json): Part[] {
  const value = opened(content);
  if (isNothing(value)) return [];
  if (value.is === "list") return value.items.flatMap(partsOf);
  if (value.is === "string") return [{ is: "text", text: value.text, isCut: value.isCut }];
  return [partOf(value)];
}

/** Returns a tool call, however it is told; null where a value is none. */
export function callOf(value: Json): Part | null {
  const call = opened(value);
  const inner = memberOf(call, "function", "functionCall", "function_call") ?? call;
  const name = wordAt(inner, "name");
  if (name === null) return null;
  const given = memberOf(inner, "arguments", "args", "input");
  return { is: "call", name, id: wordAt(call, "id", "call_id", "tool_call_id"), given: given && unwritten(given) };
}

function partOf(value: Json): Part {
  const type = wordAt(value, "type");
  const part = THOUGHTS.has(type) ? thoughtOf(value) : TEXTS.has(type) ? textOf(value) : null;
  if (part) return part;
  if (RESULTS.has(type)) return resultOf(value);
  const answered = memberOf(value, "functionResponse", "function_response");
  if (answered) return resultOf(answered);
  const isCall = CALLS.has(type) || memberOf(value, "functionCall", "function_call") !== null;
  return (isCall ? callOf(value) : null) ?? { is: "other", of: value };
}

function textOf(value: Json): Part | null {
  const text = memberOf(value, "text", "content");
  const words = text?.is === "object" ? memberOf(text, "value") : text;
  return words?.is === "string" ? { is: "text", text: words.text, isCut: words.isCut } : null;
}

function thoughtOf(value: Json): Part | null {
  const said = memberOf(value, "thinking", "text", "content", "summary", "reasoning");
  const texts = said ? partsOf(said).filter(isWords) : [];
  if (texts.length === 0) return null;
  return { is: "thought", text: texts.map((one) => one.text).join("\n\n"), isCut: texts.some((one) => one.isCut) };
}

function isWords(part: Part): part is Words {
  return part.is === "text" || part.is === "thought";
}

function resultOf(value: Json): Part {
  const said = memberOf(value, "content", "response", "result", "output");
  return {
    is: "result",
    id: wordAt(value, "tool_use_id", "call_id", "tool_call_id", "id"),
    name: wordAt(value, "name"),
    parts: said ? partsOf(said) : [],
    hasFailed: saysFailed(value),
  };
}

/** Returns whether what a tool answered is told to be an error. */
export function saysFailed(value: Json): boolean {
  const flag = memberOf(value, "is_error", "isError");
  return (flag?.is === "word" && flag.text === "true") || wordAt(value, "status") === "error";
}

/** Returns the value that a text of JSON holds; arguments mostly come as such. */
function unwritten(value: Json): Json {
  const read = value.is === "string" ? parseJson(value.text) : null;
  return read?.is === "object" || read?.is === "list" ? read : value;
}
