/** Comma separated values as rows of cells (RFC 4180): quoted cells hold separators, line ends and doubled quotes. */

export interface Table {
  rows: string[][];
  /** Whether there is more than what was asked for. */
  isCut: boolean;
}

/** Returns the first `most` rows; `separator` is a comma, or a tab for TSV. */
export function parseCsv(text: string, most: number, separator = ","): Table {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.startsWith("\ufeff") ? 1 : 0;
  while (at < text.length) {
    if (rows.length === most) return { rows, isCut: true };
    const [cell, end] = text[at] === '"' ? quoted(text, at) : plain(text, at, separator);
    row.push(cell);
    const next = text[end];
    at = end + 1;
    if (next === separator && at < text.length) continue;
    if (next === separator) row.push("");
    if (next === "\r" && text[at] === "\n") at += 1;
    rows.push(row);
    row = [];
  }
  return { rows, isCut: false };
}

/** Returns how many cells the longest row has. */
export function columnCount(rows: readonly string[][]): number {
  return rows.reduce((most, row) => Math.max(most, row.length), 0);
}

function quoted(text: string, start: number): [string, number] {
  let at = start + 1;
  let cell = "";
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return [cell + text.slice(at), text.length];
    cell += text.slice(at, quote);
    if (text[quote + 1] !== '"') return [cell, quote + 1];
    cell += '"';
    at = quote + 2;
  }
}

function plain(text: string, start: number, separator: string): [string, number] {
  let at = start;
  while (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r") at += 1;
  return [text.slice(start, at), at];
}
