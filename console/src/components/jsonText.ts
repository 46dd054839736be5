/** JSON laid out for reading, piece by piece as it stands: no number is rounded, no key that comes twice is lost. */

const INDENT = "  ";
const DEEPEST = 100; // levels; each line of one level more is longer, so a megabyte of brackets would be gigabytes
const WORD = /[^\s{}[\],:"]+/y;

/** Returns the text with its own pieces on lines of their own; null when it is no JSON, or too deep. */
export function indented(text: string): string | null {
  if (!isJson(text)) return null;
  const parts: string[] = [];
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const piece = pieceAt(text, at);
    at += piece.length;
    if (piece === "{" || piece === "[") {
      const end = nextPlace(text, at);
      if (text[end] === "}" || text[end] === "]") {
        parts.push(piece, text.charAt(end));
        at = end + 1;
        continue;
      }
      depth += 1;
      if (depth > DEEPEST) return null;
      parts.push(piece, lineAt(depth));
    } else if (piece === "}" || piece === "]") {
      depth -= 1;
      parts.push(lineAt(depth), piece);
    } else if (piece === ",") parts.push(piece, lineAt(depth));
    else if (piece === ":") parts.push(": ");
    else parts.push(piece.trim());
  }
  return parts.join("");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Returns the bracket, mark, string or word at a place of a valid text, or the blank there. */
function pieceAt(text: string, at: number): string {
  if (text[at] === '"') return text.slice(at, stringEnd(text, at));
  WORD.lastIndex = at;
  return WORD.exec(text)?.[0] ?? text.charAt(at);
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    if (text[at] === '"') return at + 1;
    if (text[at] === "\\") at += 1;
  }
}

/** Returns the first place at or behind `at` that is no blank. */
function nextPlace(text: string, at: number): number {
  let place = at;
  while (/\s/.test(text.charAt(place))) place += 1;
  return place;
}

function lineAt(depth: number): string {
  return `\n${INDENT.repeat(depth)}`;
}
