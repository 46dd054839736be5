/** A recorded text with redaction markers, control characters and search matches made visible. */
import { useMemo, useState } from "react";
import { count } from "../../../components/format";
import "./content.css";

const SHOWN_CHARS = 4000; // of one text at first; a long prompt takes a screen, not a hundred

/** A recorded text with redaction markers as chips, control characters escaped and matches marked. */
export function TextSpans({ text, words }: { text: string; words?: readonly string[] | undefined }) {
  const [isWhole, setWhole] = useState(text.length <= SHOWN_CHARS * 1.2);
  const shown = isWhole ? text : text.slice(0, SHOWN_CHARS);
  const spans = useMemo(() => spansOf(shown, words), [shown, words]);
  return (
    <bdi className="json-text">
      {spans.map((span, at) => {
        if (span.is === "redacted") {
          return (
            <span
              key={at}
              className="json-chip json-redacted"
              title={`Redacted before storage by the rule ${span.name}`}
            >
              ⊘ {span.name}
            </span>
          );
        }
        if (span.is === "mark") return <mark key={at}>{span.text}</mark>;
        if (span.is === "control") {
          return (
            <span key={at} className="json-control">
              {span.text}
            </span>
          );
        }
        return span.text;
      })}
      {isWhole ? null : (
        <button type="button" className="json-more" onClick={() => setWhole(true)}>
          … {count(text.length - SHOWN_CHARS, "more character")}
        </button>
      )}
    </bdi>
  );
}

export type Span =
  | { readonly is: "text" | "mark" | "control"; readonly text: string }
  | { readonly is: "redacted"; readonly name: string };

const CHIP = /\[redacted:([a-z0-9_-]{1,64})\]/;
// Not line breaks and tabs; the second group changes the direction of the text after it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|[\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/;
const SPECIAL = new RegExp(`${CHIP.source}|${CONTROL.source}`); // most texts have none, and lists hold many

/** Returns the spans of a text; matches of `words` ignore case. */
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
