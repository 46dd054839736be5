/** A text cut into what stands for something taken away, what the search looks for, and what changes how it is read. */

export type Span =
  | { readonly is: "text" | "mark" | "control"; readonly text: string }
  | { readonly is: "redacted"; readonly name: string };

const CHIP = /\[redacted:([a-z0-9_-]{1,64})\]/;
// Not line breaks and tabs; the second group are marks that turn the direction of what follows.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|[\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/;
const SPECIAL = new RegExp(`${CHIP.source}|${CONTROL.source}`); // most texts have none, and lists hold many

/** Returns the spans of a text; `words` are marked wherever they stand, without regard to case. */
export function spansOf(text: string, words: readonly string[] = []): Span[] {
  if (words.length === 0 && !SPECIAL.test(text)) return text ? [{ is: "text", text }] : [];
  const found = words.filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const marks = found.length > 0 ? `|(${found.join("|")})` : "|($^)";
  const all = new RegExp(`${CHIP.source}|(${CONTROL.source})${marks}`, "gi");
  const spans: Span[] = [];
  let at = 0;
  for (const match of text.matchAll(all)) {
    if (match[0] === "") continue;
    if (match.index > at) spans.push({ is: "text", text: text.slice(at, match.index) });
    spans.push(spanOf(match));
    at = match.index + match[0].length;
  }
  if (at < text.length) spans.push({ is: "text", text: text.slice(at) });
  return spans;
}

function spanOf([whole, name, control]: RegExpMatchArray): Span {
  if (name !== undefined) return { is: "redacted", name };
  if (control === undefined) return { is: "mark", text: whole };
  return { is: "control", text: `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}` };
}
