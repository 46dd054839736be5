/**
 * How a value stands in a text field, and how it comes back out of it. A field turns every CR LF and CR into LF, so a value
 * that has some would be another after a change elsewhere in it.
 */

/** As it is; with its CR LF line ends as LF; or, where CRs stand in other ways, escaped as a JSON string. */
export type Spelling = "plain" | "crlf" | "json";

export function spellingOf(value: string): Spelling {
  if (!value.includes("\r")) return "plain";
  return /[\r\n]/.test(value.replaceAll("\r\n", "")) ? "json" : "crlf";
}

/** Returns the value as a person edits it. */
export function spelled(value: string, spelling: Spelling): string {
  if (spelling === "plain") return value;
  return spelling === "crlf" ? value.replaceAll("\r\n", "\n") : JSON.stringify(value);
}

/** Returns the value that a person wrote; null when it is no JSON string where it has to be one. */
export function unspelled(text: string, spelling: Spelling): string | null {
  if (spelling === "plain") return text;
  if (spelling === "crlf") return text.replaceAll("\n", "\r\n");
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}
