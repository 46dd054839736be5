/** The beginning of what an action says, in a few words for its row: of messages the last that somebody wrote. */
import { compactText } from "../json/compact";
import { type Json, parseJson } from "../json/parse";
import { valueAt } from "../json/typed";

const MOST = 200; // characters, more than a row has room for
const MESSAGES = ["messages", "input", "contents"] as const;
const TEXTS = ["content", "text", "parts", "value"] as const;
const NOT_SAID: ReadonlySet<string> = new Set(["system", "developer"]); // it stands before every turn alike

/** Returns the words of inputs or outputs, JSON in the typed encoding; null where they hold none that were said. */
export function gistOf(text: string): string | null {
  const value = parseJson(text);
  const said = value ? (isMessages(value) ? lastSaid(value) : saidIn(value)) : null;
  if (said !== null) return shortened(said);
  const isNothing = value?.is === "string" || (value?.is === "word" && value.text === "null");
  return isNothing || (value && isMessages(value)) ? null : compactText(text);
}

/** Returns who gave the work to whom, and why, as `handoff` told it; null where it told no such thing. */
export function handoffOf(text: string): { from: string | null; to: string; reason: string | null } | null {
  const value = parseJson(text);
  const to = value ? textAt(value, "to") : null;
  return value && to ? { from: textAt(value, "from"), to, reason: textAt(value, "reason") } : null;
}

function shortened(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > MOST ? `${line.slice(0, MOST)}…` : line;
}

function isMessages(value: Json): boolean {
  return messagesOf(value) !== null;
}

function messagesOf(value: Json): readonly Json[] | null {
  if (value.is === "list") return value.items.some((item) => roleOf(item) !== null) ? value.items : null;
  if (value.is !== "object") return null;
  for (const name of MESSAGES) {
    const found = valueAt(value, name);
    if (found?.is === "list" && messagesOf(found)) return found.items;
  }
  return null;
}

function lastSaid(value: Json): string | null {
  const messages = (messagesOf(value) ?? []).filter((message) => !NOT_SAID.has(roleOf(message) ?? ""));
  const byUser = messages.filter((message) => roleOf(message) === "user");
  for (const message of [...byUser.reverse(), ...messages.reverse()]) {
    const said = saidIn(message);
    if (said !== null) return said;
  }
  return null;
}

/** Returns the text of a message, or of a part of one; null where it holds none. */
function saidIn(value: Json): string | null {
  const text = textOf(value);
  if (text !== null) return text.trim() ? text : null;
  if (value.is === "list") {
    const parts = value.items.map(saidIn).filter((part) => part !== null);
    return parts.length > 0 && parts.length === value.items.length ? parts.join(" ") : null;
  }
  for (const name of TEXTS) {
    const inner = valueAt(value, name);
    const said = inner ? saidIn(inner) : null;
    if (said !== null) return said;
  }
  return null;
}

function roleOf(value: Json): string | null {
  return textAt(value, "role");
}

function textAt(value: Json, name: string): string | null {
  const found = valueAt(value, name);
  return found ? textOf(found) : null;
}

function textOf(value: Json): string | null {
  return value.is === "string" ? value.text : null;
}
