/** One-line previews of recorded inputs and outputs. */

import { bytes } from "../../../components/format";
import { type Conversation, conversationOf, type Part } from "./conversation";
import {
  type Entry,
  type Given,
  givenOf,
  type Json,
  loneArgument,
  memberOf,
  parseJson,
  type Typed,
  typedOf,
  wordAt,
} from "./json";

const MOST = 200; // characters, more than a row can show
const TEXTS = ["content", "text", "value"] as const;
const NOT_SAID: ReadonlySet<string> = new Set(["system", "developer"]); // it is the same before every turn

/** Returns the text of inputs or outputs for a row; null where there is none. */
export function textPreview(text: string): string | null {
  const value = parseJson(text);
  const conversation = value && conversationOf(value);
  if (conversation) return lastSaid(conversation);
  const argument = value && (loneArgument(value) ?? value);
  const shownToasts = argument && wordsIn(argument);
  if (shownToasts) return shortened(shownToasts);
  const isNothing = argument?.is === "string" || (argument?.is === "word" && argument.text === "null");
  return isNothing ? null : compactText(text);
}

/** Returns the last message, or the value on one line: `“Paris”, limit: 5`. */
export function valuePreview(text: string): string {
  const value = parseJson(text);
  const conversation = value && conversationOf(value);
  return (conversation && lastSaid(conversation)) ?? compactText(text);
}

/** Returns a reported handoff; null where it is not one. */
export function handoffOf(text: string): { from: string | null; to: string; reason: string | null } | null {
  const value = parseJson(text);
  const to = value ? wordAt(value, "to") : null;
  return value && to ? { from: wordAt(value, "from"), to, reason: wordAt(value, "reason") } : null;
}

function shortened(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > MOST ? `${line.slice(0, MOST)}…` : line;
}

/** Returns the text of the last message; `…` where later ones were cut off. */
function lastSaid(conversation: Conversation): string | null {
  const words = lastWords(conversation);
  return words === null || !conversation.isCut || words.endsWith("…") ? words : `${words} …`;
}

/** Returns the last text of a user, else of anybody, else the last tool calls. */
function lastWords({ messages }: Conversation): string | null {
  const shownToasts = messages.filter((message) => !NOT_SAID.has(message.role)).reverse();
  for (const message of [...shownToasts.filter((one) => one.role === "user"), ...shownToasts]) {
    const texts = message.parts.flatMap((part) => (part.is === "text" && part.text.trim() ? [part.text] : []));
    if (texts.length > 0) return shortened(texts.join(" "));
  }
  const calls = shownToasts.flatMap((message) => message.parts).flatMap(callWords);
  return calls.length > 0 ? shortened(calls.join(", ")) : null;
}

function callWords(part: Part): string[] {
  if (part.is !== "call") return [];
  const given = part.given ? compactJson(part.given) : "";
  return [`${part.name}(${given.replace(/^\{(.*)\}$/, "$1")})`];
}

/** Returns the text of a value shaped like a message; null without one. */
function wordsIn(value: Json): string | null {
  if (value.is === "string") return value.text.trim() ? value.text : null;
  if (value.is === "list") {
    const parts = value.items.map(wordsIn).filter((part) => part !== null);
    return parts.length > 0 && parts.length === value.items.length ? parts.join(" ") : null;
  }
  const inner = memberOf(value, ...TEXTS);
  return inner ? wordsIn(inner) : null;
}

/** Returns the beginning of a JSON text without quotes and braces. */
export function compactText(text: string): string {
  const value = parseJson(text);
  return value ? compactJson(value) : truncated(text);
}

/** The same for a parsed value. */
export function compactJson(value: Json): string {
  return truncated(whole(value, { left: MOST }));
}

function truncated(text: string): string {
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

interface Room {
  left: number;
}

function whole(value: Json, room: Room): string {
  const given = givenOf(value);
  return given ? compactGiven(given, room) : compact(value, room);
}

/** Returns arguments as in a call, `“lora”, limit: 5`; `()` without any. */
function compactGiven({ args, kwargs, isCut }: Given, room: Room): string {
  const words = joined([...args, ...kwargs], isCut, room, (one, left) =>
    "key" in one ? compactEntry(one, left) : compact(one, left),
  );
  return words || "()";
}

function compact(value: Json, room: Room): string {
  if (room.left <= 0) return "…";
  const typed = typedOf(value);
  if (typed) return compactTyped(typed, room);
  if (value.is === "list") return `[${joined(value.items, value.isCut, room, compact)}]`;
  if (value.is === "object") {
    return `{${joined(value.entries, value.isCut, room, compactEntry)}}`;
  }
  const text = value.is === "string" ? value.text.slice(0, MOST).replace(/\s+/g, " ") : value.text;
  room.left -= text.length;
  return value.is === "string" ? `“${text}${value.isCut ? "…" : ""}”` : text;
}

function compactEntry({ key, value }: Entry, room: Room): string {
  return `${key.is === "string" ? key.text : compact(key, room)}: ${compact(value, room)}`;
}

function joined<Item>(
  items: readonly Item[],
  isCut: boolean,
  room: Room,
  one: (item: Item, room: Room) => string,
): string {
  const parts: string[] = [];
  for (const item of items) {
    if (room.left <= 0) break;
    parts.push(one(item, room));
    room.left -= 2;
  }
  return `${parts.join(", ")}${isCut || parts.length < items.length ? ", …" : ""}`;
}

function compactTyped(typed: Typed, room: Room): string {
  if (typed.is === "group") return `${typed.type} ${compact(typed.of, room)}`;
  if (typed.is === "pairs") {
    const words = joined(
      typed.entries,
      typed.isCut,
      room,
      ({ key, value }, left) => `${compact(key, left)}: ${compact(value, left)}`,
    );
    return `{${words}}`;
  }
  const text = leafText(typed);
  room.left -= text.length;
  return text;
}

function leafText(typed: Exclude<Typed, { is: "group" | "pairs" }>): string {
  if (typed.is === "chip") return typed.text.slice(0, MOST);
  if (typed.is === "raised") return `${typed.type}: ${typed.message.slice(0, MOST)}`;
  if (typed.is === "bytes")
    return `${bytes(Math.floor((typed.base64.length * 3) / 4))}${typed.isCut ? " or more" : ""}`;
  return `${typed.type}${typed.facts.bytes === null ? "" : ` of ${bytes(typed.facts.bytes)}`}`;
}
