/**
 * JSON read for looking at, also a text that was cut off: numbers keep their digits, keys that come twice stay, and where
 * the text ends each open list says so.
 */

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

const DEEPEST = 600; // the tape's encoding stops before; a browser's stack would end at about ten times as many
const BLANK = /[ \t\r\n]*/y;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const STRING = /"((?:[^"\\]|\\.)*)("|\\$)?/sy; // a text cut off may end within an escape

/** Returns what a text holds; null when it is no JSON, or nested too deep. */
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

  /** Reads a value; null where the text is cut off before one, or within a number or word. */
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

/** Returns what the text between two quotes means; of one that is cut off without the escape it may end in. */
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
