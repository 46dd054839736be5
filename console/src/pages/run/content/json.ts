/** Parse recorded JSON, also when it was cut off, and decode its typed values. */

export type Json =
  | { readonly is: "string"; readonly text: string; readonly isCut: boolean }
  | { readonly is: "number"; readonly text: string }
  | { readonly is: "word"; readonly text: string } // true, false, null
  | { readonly is: "list"; readonly items: readonly Json[]; readonly isCut: boolean }
  | { readonly is: "object"; readonly entries: readonly Entry[]; readonly isCut: boolean };

export interface Entry {
  readonly key: Json;
  readonly value: Json;
}

const DEEPEST = 600; // the recording's encoding stops earlier; a browser's stack would end at about ten times as many
const BLANK = /[ \t\r\n]*/y;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const STRING = /"((?:[^"\\]|\\.)*)("|\\$)?/sy; // a truncated text may end within an escape

/** Parses a text; null when it is not JSON, or nested too deep. */
export function parseJson(text: string): Json | null {
  try {
    const reader = new Reader(text);
    const value = reader.value(0);
    return value && reader.isAtEnd() ? value : null;
  } catch (error) {
    if (error instanceof NotJson) return null;
    throw error;
  }
}

class NotJson extends Error {}

class Reader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  isAtEnd(): boolean {
    this.take(BLANK);
    return this.at >= this.text.length;
  }

  /** Parses a value; null where the text ends before or within it. */
  value(depth: number): Json | null {
    if (depth > DEEPEST) throw new NotJson();
    if (this.isAtEnd()) return null;
    const mark = this.text[this.at];
    if (mark === "{") return this.object(depth);
    if (mark === "[") return this.list(depth);
    if (mark === '"') return this.string();
    const word = this.take(WORD);
    if (word !== null) return { is: "word", text: word };
    const number = this.take(NUMBER);
    if (number !== null && number !== "") return { is: "number", text: number };
    if (/^(?:-|t|tr|tru|f|fa|fal|fals|n|nu|nul)$/.test(this.text.slice(this.at))) {
      this.at = this.text.length;
      return null;
    }
    throw new NotJson();
  }

  private object(depth: number): Json {
    const entries: Entry[] = [];
    this.at += 1;
    if (this.skip("}")) return { is: "object", entries, isCut: false };
    while (!this.isAtEnd()) {
      if (this.text[this.at] !== '"') throw new NotJson();
      const key = this.string();
      if (this.isAtEnd()) break;
      if (!this.skip(":")) throw new NotJson();
      const value = this.value(depth + 1);
      if (!value) break;
      entries.push({ key, value });
      if (this.skip("}")) return { is: "object", entries, isCut: false };
      if (!this.skip(",") && !this.isAtEnd()) throw new NotJson();
    }
    return { is: "object", entries, isCut: true };
  }

  private list(depth: number): Json {
    const items: Json[] = [];
    this.at += 1;
    if (this.skip("]")) return { is: "list", items, isCut: false };
    while (!this.isAtEnd()) {
      const value = this.value(depth + 1);
      if (!value) break;
      items.push(value);
      if (this.skip("]")) return { is: "list", items, isCut: false };
      if (!this.skip(",") && !this.isAtEnd()) throw new NotJson();
    }
    return { is: "list", items, isCut: true };
  }

  private string(): Json {
    STRING.lastIndex = this.at;
    const [whole = "", inner = "", last] = STRING.exec(this.text) ?? [];
    this.at += whole.length;
    const isCut = last !== '"';
    return { is: "string", text: unescaped(inner, isCut), isCut };
  }

  private skip(mark: string): boolean {
    this.take(BLANK);
    if (this.text[this.at] !== mark) return false;
    this.at += 1;
    return true;
  }

  private take(what: RegExp): string | null {
    what.lastIndex = this.at;
    const found = what.exec(this.text)?.[0] ?? null;
    if (found !== null) this.at += found.length;
    return found;
  }
}

/** Decodes the text between quotes, without an escape that was cut off. */
function unescaped(inner: string, isCut: boolean): string {
  const whole = isCut ? inner.replace(/((?:^|[^\\])(?:\\\\)*)\\u[0-9a-fA-F]{0,3}$/, "$1") : inner;
  if (!whole.includes("\\")) return whole;
  try {
    return JSON.parse(`"${whole.replace(/\p{Cc}/gu, escaped)}"`) as string;
  } catch {
    throw new NotJson();
  }
}

function escaped(control: string): string {
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A value with a Python type. */
export type Typed =
  | { readonly is: "chip"; readonly type: string; readonly text: string }
  | { readonly is: "bytes"; readonly type: string; readonly base64: string; readonly isCut: boolean }
  | { readonly is: "group"; readonly type: string; readonly of: Json } // a list or object with its type's name
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

/** Decodes an object with one key that starts with `$`; null for a plain object. */
export function typedOf(value: Json): Typed | null {
  if (value.is !== "object" || value.entries.length !== 1) return null;
  const [entry] = value.entries;
  if (entry?.key.is !== "string" || !entry.key.text.startsWith("$")) return null;
  const type = entry.key.text.slice(1);
  return leafOf(type, entry.value) ?? containerOf(type, entry.value);
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

function containerOf(type: string, of: Json): Typed | null {
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

function valueAt(of: Json, name: string): Json | null {
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

/** Returns the fields of a typed object, such as a client's message. */
export function unwrapped(value: Json): Json {
  const typed = typedOf(value);
  return typed?.is === "group" ? unwrapped(typed.of) : value;
}

/** Returns a member by name, unwrapped; null without one, or with null. */
export function memberOf(value: Json, ...names: readonly string[]): Json | null {
  for (const name of names) {
    const found = valueAt(value, name);
    if (found && !(found.is === "word" && found.text === "null")) return unwrapped(found);
  }
  return null;
}

/** Returns the text of the first of these members; null without one. */
export function wordAt(value: Json, ...names: readonly string[]): string | null {
  const found = memberOf(value, ...names);
  return found?.is === "string" ? found.text : null;
}

/** Whether a value is empty: null, or an empty text, list or object. */
export function isNothing(value: Json): boolean {
  if (value.is === "word") return value.text === "null";
  if (value.is === "string") return value.text === "" && !value.isCut;
  if (value.is === "list") return value.items.length === 0 && !value.isCut;
  return value.is === "object" && value.entries.length === 0 && !value.isCut;
}

export interface Given {
  readonly args: readonly Json[];
  readonly kwargs: readonly Entry[];
  /** Whether either was truncated. */
  readonly isCut: boolean;
}

/**
 * Returns the arguments of `{"args": […], "kwargs": {…}}`, as the SDK records functions whose signature it cannot read;
 * null for another value.
 */
export function givenOf(value: Json): Given | null {
  if (value.is !== "object") return null;
  let args: readonly Json[] | null = null;
  let kwargs: readonly Entry[] | null = null;
  let isCut = value.isCut;
  for (const { key, value: inner } of value.entries) {
    const name = key.is === "string" ? key.text : "";
    if (name === "args" && inner.is === "list") args = inner.items;
    else if (name === "kwargs" && inner.is === "object") kwargs = inner.entries;
    else return null;
    isCut ||= inner.isCut;
  }
  return args === null && kwargs === null ? null : { args: args ?? [], kwargs: kwargs ?? [], isCut };
}

/** Returns the only positional argument; null for another number of arguments. */
export function loneArgument(value: Json): Json | null {
  const given = givenOf(value);
  const [alone, ...others] = given?.args ?? [];
  return alone && others.length === 0 && given?.kwargs.length === 0 ? alone : null;
}
