/** Which messages of a conversation are seen at first: the last ones, for what is asked and answered stands there. */
import type { Json } from "../json/parse";
import type { Message } from "./message";
import type { Part } from "./parts";

export const SHOWN = 12;

/** Returns the place of the first message to show: of a short conversation all, with any message that has a word searched for. */
export function shownFrom(messages: readonly Message[], words: readonly string[]): number {
  const last = messages.length - SHOWN;
  if (last <= 1) return 0; // a line for one message would save nothing
  const lower = words.map((word) => word.toLowerCase());
  const found = messages.findIndex(({ parts }) => parts.some((part) => holds(part, lower)));
  return found < 0 ? last : Math.min(found, last);
}

function holds(part: Part, words: readonly string[]): boolean {
  const texts = textsOf(part).map((text) => text.toLowerCase());
  return words.some((word) => texts.some((text) => text.includes(word)));
}

function textsOf(part: Part): string[] {
  switch (part.is) {
    case "result":
      return [part.name ?? "", ...part.parts.flatMap(textsOf)];
    case "call":
      return [part.name, ...(part.given ? textsIn(part.given) : [])];
    case "other":
      return textsIn(part.of);
    default:
      return [part.text];
  }
}

function textsIn(value: Json): string[] {
  if (value.is === "list") return value.items.flatMap(textsIn);
  if (value.is === "object")
    return value.entries.flatMap(({ key, value: inner }) => [...textsIn(key), ...textsIn(inner)]);
  return [value.text];
}
