/** Pages of this console that a sentence of the server names: they become links. */

export interface Piece {
  readonly text: string;
  /** The page it names; null where it is words. */
  readonly to: string | null;
}

// A page stands as a word of its own, up to a blank or a colon; a full stop or comma behind it is the sentence's.
const PAGE = /(?<=^|\s)\/(?:runs|registry|agents|dags|ledger|settings|help)(?:\/[^\s:]+?)?(?=[.,;]?(?:\s|$)|:)/g;

/** Returns a sentence in pieces; together they are the sentence. */
export function linkedPieces(sentence: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of sentence.matchAll(PAGE)) {
    if (match.index > at) pieces.push({ text: sentence.slice(at, match.index), to: null });
    pieces.push({ text: match[0], to: match[0] });
    at = match.index + match[0].length;
  }
  if (at < sentence.length) pieces.push({ text: sentence.slice(at), to: null });
  return pieces;
}
