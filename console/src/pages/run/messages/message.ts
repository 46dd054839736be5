/** One message of a conversation, in whichever form it was stored. */
import { isNothing, memberOf, opened, wordAt } from "../json/look";
import type { Entry, Json } from "../json/parse";
import { callOf, type Part, partsOf, saysFailed } from "./parts";

export interface Message {
  /** Whose it is: `system`, `user`, `assistant`, `tool` and what else providers have. */
  readonly role: string;
  /** Of the tool that answers, or the speaker. */
  readonly name: string | null;
  readonly parts: readonly Part[];
  /** What nothing here knows of it: tokens, signatures, what a library keeps beside it. */
  readonly others: readonly Entry[];
}

/** Roles by the names that they have in other forms. */
const ROLES: Readonly<Record<string, string>> = { human: "user", ai: "assistant", AIMessageChunk: "assistant" };
const KNOWN: ReadonlySet<string> = new Set(["system", "developer", "user", "assistant", "model", "tool", "function"]);
const CONTENTS = ["content", "parts", "contents", "text"] as const;
const THOUGHTS = ["reasoning_content", "reasoning", "thinking"] as const;
const SAID: ReadonlySet<string> = new Set([...CONTENTS, ...THOUGHTS, "tool_calls", "function_call", "refusal"]);
/** A message's parts beside its text, without what its place or its text shows already. */
const BESIDE: ReadonlySet<string> = new Set([
  ...SAID,
  ...["role", "type", "name", "id", "index", "object", "status", "tool_call_id", "data"],
]);
/** Items of OpenAI's Responses that are messages of their own. */
const ITEMS: Readonly<Record<string, string>> = {
  function_call: "assistant",
  function_call_output: "tool",
  reasoning: "assistant",
};

/** Returns what a value says as a message; null where it is none. */
export function messageOf(value: Json): Message | null {
  const given = opened(value);
  if (given.is === "list") return pairOf(given.items);
  if (given.is !== "object") return null;
  const item = ITEMS[wordAt(given, "type") ?? ""];
  if (item && wordAt(given, "role") === null) return { role: item, name: null, parts: partsOf(given), others: [] };
  const data = memberOf(given, "data");
  const body = data?.is === "object" && wordAt(given, "role") === null ? data : given; // LangChain's, as it is written
  const role = roleNamed(wordAt(given, "role", "type"));
  if (role === null || body.is !== "object" || !saysSomething(body)) return null;
  const parts = saidIn(body);
  return {
    role,
    name: wordAt(body, "name"),
    parts: role === "tool" || role === "function" ? [answered(body, parts)] : parts,
    others: body.entries.filter(({ key, value: inner }) => !isNamedIn(BESIDE, key) && !isNothing(inner)),
  };
}

/** Of a message that is only who speaks and the words, as LangGraph takes it. */
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
    ...called.filter((call) => call.is !== "call" || call.id === null || !known.has(call.id)), // LangChain has them twice
  ];
}

function asThought(part: Part): Part {
  return part.is === "text" ? { ...part, is: "thought" } : part;
}

function answered(body: Json, parts: readonly Part[]): Part {
  const [first] = parts;
  if (parts.length === 1 && first?.is === "result") return first;
  const hasFailed = saysFailed(body);
  return { is: "result", id: wordAt(body, "tool_call_id"), name: wordAt(body, "name"), parts, hasFailed };
}

function isNamedIn(names: ReadonlySet<string>, key: Json): boolean {
  return key.is === "string" && names.has(key.text);
}
