/** A value on one line, for a row of a list. */
import { bytes } from "../../../parts/format";
import { type Given, givenOf } from "./given";
import { type Entry, type Json, parseJson } from "./parse";
import { type Typed, typedOf } from "./typed";

const MOST = 200; // characters, more than a row has room for

/** Returns the beginning of what a text of JSON holds, without the marks that only machines need. */
export function compactText(text: string): string {
  const value = parseJson(text);
  return value ? compactJson(value) : shortened(text);
}

/** Returns the same of a value that was read already. */
export function compactJson(value: Json): string {
  return shortened(whole(value, { left: MOST }));
}

function shortened(text: string): string {
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

interface Room {
  left: number;
}

function whole(value: Json, room: Room): string {
  const given = givenOf(value);
  return given ? compactGiven(given, room) : compact(value, room);
}

/** Returns arguments as a call is written, `“lora”, limit: 5`; `()` for none. */
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
