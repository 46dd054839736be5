/** The last lines of a log that grows: text comes in parts that end anywhere, and only so many lines are kept. */
import { type AnsiSpan, type AnsiState, PLAIN, parseAnsi } from "./ansi";

export interface TailLine {
  /** Counts up; the same line keeps it. */
  number: number;
  spans: readonly AnsiSpan[];
  /** How many characters are left out at its end. */
  cut: number;
}

const LONGEST_LINE = 4000; // a page with a line of a megabyte is of no use

export class TailLines {
  /** The line that has no end yet, as far as it came. */
  private rest = "";
  private state: AnsiState = PLAIN;
  private lines: TailLine[] = [];
  private next = 1;
  private readonly most: number;
  private skipsFirst: boolean;

  /** `isMiddle`: the text begins within a line, whose rest is left out. */
  constructor(most: number, isMiddle: boolean) {
    this.most = most;
    this.skipsFirst = isMiddle;
  }

  add(text: string): void {
    const parts = (this.rest + text).split("\n");
    this.rest = parts.pop() ?? "";
    if (this.skipsFirst && parts.length > 0) {
      parts.shift();
      this.skipsFirst = false;
    }
    // What would be dropped again need not be parsed.
    const kept = parts.slice(-this.most);
    this.next += parts.length - kept.length;
    const lines = kept.map((part) => this.lineOf(part));
    this.lines = [...this.lines, ...lines].slice(-this.most);
  }

  /** Returns the lines so far; the last may have no end yet. */
  shown(): readonly TailLine[] {
    if (!this.rest || this.skipsFirst) return this.lines;
    const { spans } = parseAnsi(this.rest.slice(0, LONGEST_LINE), this.state);
    const open = { number: this.next, spans, cut: Math.max(0, this.rest.length - LONGEST_LINE) };
    return [...this.lines, open].slice(-this.most);
  }

  private lineOf(text: string): TailLine {
    const { spans, state } = parseAnsi(text.slice(0, LONGEST_LINE), this.state);
    this.state = state;
    const line = { number: this.next, spans, cut: Math.max(0, text.length - LONGEST_LINE) };
    this.next += 1;
    return line;
  }
}
