/** The beginning of what an action says, in a few words for its row: of messages the last that somebody wrote. */
import { compactJson, compactText } from "../json/compact";
import { loneArgument } from "../json/given";
import { memberOf, wordAt } from "../json/look";
import { type Json, parseJson } from "../json/parse";
import { type Conversation, conversationOf } from "./conversation";
import type { Part } from "./parts";

const MOST = 200; // characters, more than a row has room for
const TEXTS = ["content", "text", "value"] as const;
const NOT_SAID: ReadonlySet<string> = new Set(["system", "developer"]); // it stands before every turn alike

/** Returns the words of inputs or outputs, JSON in the typed encoding; null where they hold none that were said. */
export function gistOf(text: string): string | null {
  const value = parseJson(text);
  const conversation = value && conversationOf(value);
  if (conversation) return lastSaid(conversation);
  const argument = value && (loneArgument(value) ?? value);
  const said = argument && wordsIn(argument);
  if (said) return shortened(said);
  const isNothing = argument?.is === "string" || (argument?.is === "word" && argument.text === "null");
  return isNothing ? null : compactText(text);
}

/** Returns what was said last where a text holds messages, and else its value on one line: `“Paris”, limit: 5`. */
export function previewOf(text: string): string {
  const value = parseJson(text);
  const conversation = value && conversationOf(value);
  return (conversation && lastSaid(conversation)) ?? compactText(text);
}

/** Returns who gave the work to whom, and why, as `handoff` reported it; null where it reported no such thing. */
export function handoffOf(text: string): { from: string | null; to: string; reason: string | null } | null {
  const value = parseJson(text);
  const to = value ? wordAt(value, "to") : null;
  return value && to ? { from: wordAt(value, "from"), to, reason: wordAt(value, "reason") } : null;
}

function shortened(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > MOST ? `${line.slice(0, MOST)}…` : line;
}

/** Returns what was said last as far as the messages came: later ones may follow. */
function lastSaid(conversation: Conversation): string | null {
  const words = lastWords(conversation);
  return words === null || !conversation.isCut || words.endsWith("…") ? words : `${words} …`;
}

/** Returns what a user said last, or anybody; of messages that only call tools the last calls. */
function lastWords({ messages }: Conversation): string | null {
  const said = messages.filter((message) => !NOT_SAID.has(message.role)).reverse();
  for (const message of [...said.filter((one) => one.role === "user"), ...said]) {
    const texts = message.parts.flatMap((part) => (part.is === "text" && part.text.trim() ? [part.text] : []));
    if (texts.length > 0) return shortened(texts.join(" "));
  }
  const calls = said.flatMap((message) => message.parts).flatMap(callWords);
  return calls.length > 0 ? shortened(calls.join(", ")) : null;
}

function callWords(part: Part): string[] {
  if (part.is !== "call") return [];
  const given = part.given ? compactJson(part.given) : "";
  return [`${part.name}(${given.replace(/^\{(.*)\}$/, "$1")})`];
}

/** Returns the text of what is no message but holds a text in a message's way; null where it holds none. */
function wordsIn(value: Json): string | null {
  if (value.is === "string") return value.text.trim() ? value.text : null;
  if (value.is === "list") {
    const parts = value.items.map(wordsIn).filter((part) => part !== null);
    return parts.length > 0 && parts.length === value.items.length ? parts.join(" ") : null;
  }
  const inner = memberOf(value, ...TEXTS);
  return inner ? wordsIn(inner) : null;
}
