/** Formats JSON token by token: no number is rounded, no duplicate key is lost. */

const INDENT = "  ";
const DEEPEST = 100; // levels; each level lengthens every line, so a megabyte of brackets would become gigabytes
const WORD = /[^\s{}[\],:"]+/y;

/** Returns the indented text; null when it is not JSON, or too deep. */
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

/** Returns the token at a position of a valid text, or the space there. */
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

/** Returns the first position from `at` on that is not a space. */
function nextPlace(text: string, at: number): number {
  let place = at;
  while (/\s/.test(text.charAt(place))) place += 1;
  return place;
}

function lineAt(depth: number): string {
  return `\n${INDENT.repeat(depth)}`;
}
