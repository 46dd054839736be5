/** The typed encoding of recorded values (`titan_sdk.tape`) as a person reads it: what a tag of one key stands for. */
import type { Entry, Json } from "./parse";

/** A value that is no plain JSON. */
export type Typed =
  | { readonly is: "chip"; readonly type: string; readonly text: string }
  | { readonly is: "bytes"; readonly type: string; readonly base64: string; readonly isCut: boolean }
  | { readonly is: "group"; readonly type: string; readonly of: Json } // a list, or an object, with its type's name
  | { readonly is: "pairs"; readonly entries: readonly Entry[]; readonly isCut: boolean }
  | { readonly is: "raised"; readonly type: string; readonly message: string; readonly rest: readonly Entry[] }
  | { readonly is: "cut"; readonly type: string; readonly facts: CutFacts; readonly head: Json | null };

export interface CutFacts {
  readonly reason: string;
  readonly bytes: number | null;
  readonly items: number | null;
  readonly sha256: string | null;
}

const TEXTS = ["int", "float", "Decimal", "UUID", "complex", "str", "PosixPath", "WindowsPath"] as const;
const PURE = ["PurePosixPath", "PureWindowsPath"] as const;
const CHIPS: ReadonlySet<string> = new Set<string>([...TEXTS, ...PURE]);
const MOMENTS: ReadonlySet<string> = new Set(["datetime", "date", "time"]);
const GROUPS: ReadonlySet<string> = new Set(["tuple", "set", "frozenset"]);

/** Returns what an object of one key that begins with `$` stands for; null when it is a plain object. */
export function typedOf(value: Json): Typed | null {
  if (value.is !== "object" || value.entries.length !== 1) return null;
  const [entry] = value.entries;
  if (entry?.key.is !== "string" || !entry.key.text.startsWith("$")) return null;
  const type = entry.key.text.slice(1);
  return leafOf(type, entry.value) ?? nestOf(type, entry.value);
}

function leafOf(type: string, of: Json): Typed | null {
  if (of.is === "string") {
    if (type === "bytes" || type === "bytearray") return { is: "bytes", type, base64: of.text, isCut: of.isCut };
    if (MOMENTS.has(type)) return { is: "chip", type, text: of.text.replace("T", " ") };
    if (CHIPS.has(type)) return { is: "chip", type, text: of.text };
    return null;
  }
  if (of.is !== "list") return null;
  if (type === "timedelta") return { is: "chip", type, text: timedeltaText(numbersOf(of)) };
  if (type === "range") return { is: "chip", type, text: `range(${numbersOf(of).join(", ")})` };
  return null;
}

function nestOf(type: string, of: Json): Typed | null {
  if (of.is === "list") {
    if (GROUPS.has(type)) return { is: "group", type, of };
    return type === "dict" ? { is: "pairs", entries: of.items.flatMap(pairOf), isCut: of.isCut } : null;
  }
  if (of.is !== "object") return null;
  const name = textAt(of, "type") ?? "";
  if (type === "object") return { is: "group", type: name, of: valueAt(of, "state") ?? of };
  if (type === "opaque") return { is: "chip", type: name, text: textAt(of, "repr") ?? "" };
  if (type === "exception") {
    const rest = of.entries.filter(({ key }) => key.is === "string" && !["type", "message"].includes(key.text));
    return { is: "raised", type: name, message: textAt(of, "message") ?? "", rest };
  }
  if (type !== "cut") return null;
  const facts = {
    reason: textAt(of, "reason") ?? "",
    bytes: numberAt(of, "bytes"),
    items: numberAt(of, "items"),
    sha256: textAt(of, "sha256"),
  };
  return { is: "cut", type: name, facts, head: valueAt(of, "head") };
}

function timedeltaText([days = 0, seconds = 0, micros = 0]: number[]): string {
  const parts = [days ? `${days} d` : "", `${seconds + micros / 1e6} s`];
  return parts.filter(Boolean).join(" ");
}

function pairOf(item: Json): Entry[] {
  if (item.is !== "list") return [];
  const [key, value] = item.items;
  return key && value ? [{ key, value }] : [];
}

function numbersOf(of: Json): number[] {
  return of.is === "list" ? of.items.map((item) => (item.is === "number" ? Number(item.text) : 0)) : [];
}

export function valueAt(of: Json, name: string): Json | null {
  if (of.is !== "object") return null;
  return of.entries.find(({ key }) => key.is === "string" && key.text === name)?.value ?? null;
}

function textAt(of: Json, name: string): string | null {
  const value = valueAt(of, name);
  return value?.is === "string" ? value.text : null;
}

function numberAt(of: Json, name: string): number | null {
  const value = valueAt(of, name);
  return value?.is === "number" ? Number(value.text) : null;
}
