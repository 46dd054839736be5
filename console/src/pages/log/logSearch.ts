/** Log search in slices, so that the worker can answer in between. */
import { stripAnsi } from "../../components/ansi";
import { type LogIndex, Numbers } from "./logIndex";

export interface LogQuery {
  readonly text: string;
  readonly isRegex: boolean;
  readonly matchesCase: boolean;
}

export type Range = readonly [from: number, to: number];

const GROUP_BYTES = 256 * 1024; // decoded at once

const ESC = String.fromCharCode(0x1b);
// Most control sequences are colours: without them most groups need no check line by line.
const STYLES = new RegExp(String.raw`${ESC}\[[0-9;:]*m`, "g");
const CONTROL = String.raw`[\x00-\x08\x0b-\x1f\x7f-\x9f]`;
const ANY_CONTROL = new RegExp(CONTROL);

/** Returns the expression of a query, or the error message of an invalid one. */
export function expressionOf(query: LogQuery): RegExp | string {
  const source = query.isRegex ? query.text : query.text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  try {
    return new RegExp(source, query.matchesCase ? "g" : "gi");
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return words.replace(/^Invalid regular expression: \/.*\/[a-z]*: /s, "");
  }
}

/** Returns the matches in a text, without empty ones. */
export function rangesIn(text: string, expression: RegExp, most = 1000): Range[] {
  const ranges: Range[] = [];
  expression.lastIndex = 0;
  for (let match = expression.exec(text); match && ranges.length < most; match = expression.exec(text)) {
    if (match[0]) ranges.push([match.index, match.index + match[0].length]);
    else expression.lastIndex += 1;
  }
  return ranges;
}

export class LogSearch {
  /** Numbers of the matching lines. */
  readonly hits = new Numbers();
  /** The number of searched lines. */
  lines = 0;
  private readonly index: LogIndex;
  readonly expression: RegExp;
  private readonly isPlain: boolean;

  constructor(index: LogIndex, expression: RegExp, isPlain: boolean) {
    this.index = index;
    this.expression = expression;
    this.isPlain = isPlain;
  }

  /** Searches some lines; returns whether there are more. An unfinished last line waits. */
  step(isWhole: boolean): boolean {
    const last = this.index.lineCount - (this.index.isOpen && !isWhole ? 1 : 0);
    if (this.lines >= last) return false;
    const end = this.index.lineBehind(this.lines, GROUP_BYTES, last);
    this.look(this.index.rawText(this.lines, end).replace(STYLES, ""));
    this.lines = end;
    return end < last;
  }

  /** Returns the match at or after `from` (at or before it, going back) and its position, wrapping around. */
  seek(from: number, step: 1 | -1): { line: number; place: number } | null {
    if (this.hits.length === 0) return null;
    const place = step === 1 ? this.hits.placeBehind(from - 1) : this.hits.placeBehind(from) - 1;
    const round = (place + this.hits.length) % this.hits.length;
    return { line: this.hits.at(round), place: round };
  }

  /** Returns for each of `count` equal parts of the log whether it has a match. */
  spread(count: number): Uint8Array {
    const parts = new Uint8Array(count);
    const lines = Math.max(1, this.index.lineCount);
    for (let part = 0; part < count; part += 1) {
      const from = Math.floor((part * lines) / count);
      const to = Math.floor(((part + 1) * lines) / count);
      const place = from === 0 ? 0 : this.hits.placeBehind(from - 1);
      if (place < this.hits.length && this.hits.at(place) < Math.max(to, from + 1)) parts[part] = 1;
    }
    return parts;
  }

  private look(text: string): void {
    const isClean = !ANY_CONTROL.test(text);
    if (isClean && this.isPlain && rangesIn(text, this.expression, 1).length === 0) return;
    let line = this.lines;
    for (const written of text.split("\n")) {
      if (rangesIn(isClean ? written : stripAnsi(written), this.expression, 1).length > 0) this.hits.push(line);
      line += 1;
    }
  }
}
