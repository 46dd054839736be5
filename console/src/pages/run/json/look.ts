/** Looking into a read value: its members by name, and what a recorded object of Python's holds. */
import type { Json } from "./parse";
import { typedOf, valueAt } from "./typed";

/** Returns what an object of a known type holds: a client's message is told as its type and its fields. */
export function opened(value: Json): Json {
  const typed = typedOf(value);
  return typed?.is === "group" ? opened(typed.of) : value;
}

/** Returns a member by its name, opened; null where there is none, or nothing in it. */
export function memberOf(value: Json, ...names: readonly string[]): Json | null {
  for (const name of names) {
    const found = valueAt(value, name);
    if (found && !(found.is === "word" && found.text === "null")) return opened(found);
  }
  return null;
}

/** Returns the text that stands under one of these names; null where none has one. */
export function wordAt(value: Json, ...names: readonly string[]): string | null {
  const found = memberOf(value, ...names);
  return found?.is === "string" ? found.text : null;
}

/** Whether nothing is said: null, an empty text, list or object. */
export function isNothing(value: Json): boolean {
  if (value.is === "word") return value.text === "null";
  if (value.is === "string") return value.text === "" && !value.isCut;
  if (value.is === "list") return value.items.length === 0 && !value.isCut;
  return value.is === "object" && value.entries.length === 0 && !value.isCut;
}
