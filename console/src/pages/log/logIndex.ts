/**
 * A log as bytes with an index of its lines: 200 MB of output cost 200 MB and 4 bytes per line, and only visible text
 * is decoded. It runs in the worker and is pure, so tests need none.
 */
import { stripAnsi } from "../../components/ansi";

const BLOCK_BYTES = 1 << 20;
const LF = 10;
const CR = 13;
const ESC = 27;
const LONGEST_STYLE = 40; // bytes of a colour sequence; a longer one is invalid
const LONGEST_CARRY = 200; // characters of active styles; a program with more never resets them

const MOST_TEXT_BYTES = 128 * 1024 * 1024; // decoded at once: a browser's strings end at 512 million characters

/** Bytes of a line that are sent to the page; the rest on demand. */
export const SHOWN_BYTES = 4000;

export interface LogLine {
  /** With control sequences, preceded by the styles still active from earlier lines. */
  readonly text: string;
  /** The size of the whole line; `text` has less with `isCut`. */
  readonly bytes: number;
  readonly isCut: boolean;
}

export class LogIndex {
  private readonly blocks: Uint8Array[] = [];
  private readonly starts = new Numbers();
  private readonly carryLines = new Numbers();
  private readonly carries: string[] = [];
  private carry = "";
  private styledTo = 0;
  private styledLine = 0;
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  size = 0;
  /** Bytes of the longest line so far. */
  longest = 0;

  constructor() {
    this.starts.push(0);
  }

  /** The number of lines; an unfinished one counts. */
  get lineCount(): number {
    return this.starts.length - (this.isOpen ? 0 : 1);
  }

  /** Whether the last line may still grow. */
  get isOpen(): boolean {
    return this.starts.at(this.starts.length - 1) < this.size;
  }

  append(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const place = this.size % BLOCK_BYTES;
      if (place === 0) this.blocks.push(new Uint8Array(BLOCK_BYTES));
      const part = bytes.subarray(from, from + BLOCK_BYTES - place);
      this.blocks.at(-1)?.set(part, place);
      this.noteLines(part);
      this.size += part.length;
      from += part.length;
    }
    this.longest = Math.max(this.longest, this.size - this.starts.at(this.starts.length - 1));
    this.noteStyles();
  }

  /** Returns the byte range of a line, without its line end. */
  bounds(line: number): [start: number, end: number] {
    const start = this.starts.at(line);
    let end = line + 1 < this.starts.length ? this.starts.at(line + 1) - 1 : this.size;
    while (end > start && this.byteAt(end - 1) === CR) end -= 1;
    return [start, end];
  }

  line(line: number, most = SHOWN_BYTES): LogLine {
    const [first, end] = this.bounds(line);
    // Of a long progress bar only the last state is decoded.
    const start = end - first > most ? this.lastOf(CR, first, end) + 1 : first;
    const isCut = end - start > most;
    const bytes = this.bytes(start, isCut ? start + most : end);
    // `stream` drops the character that the cut splits.
    const text = isCut ? new TextDecoder().decode(bytes, { stream: true }) : this.decoder.decode(bytes);
    return { text: this.carryOf(line) + text, bytes: end - start, isCut };
  }

  /** Returns lines without control sequences. */
  plainText(from: number, to: number): string {
    return this.rawText(from, to).split("\n").map(stripAnsi).join("\n");
  }

  /** Returns lines as written, joined by line feeds. */
  rawText(from: number, to: number): string {
    if (to <= from) return "";
    const start = this.starts.at(from);
    return this.decoder.decode(this.bytes(start, Math.min(this.bounds(to - 1)[1], start + MOST_TEXT_BYTES)));
  }

  /** Returns the line after as many whole lines from `from` on as fit into `bytes`; at least one, at most `most`. */
  lineBehind(from: number, bytes: number, most: number): number {
    const limit = this.starts.at(from) + bytes;
    let low = from + 1;
    let high = most;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.startOf(middle) <= limit) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  bytes(start: number, end: number): Uint8Array {
    const block = this.blocks[Math.floor(start / BLOCK_BYTES)];
    const place = start % BLOCK_BYTES;
    if (!block || end <= start) return new Uint8Array();
    if (place + end - start <= BLOCK_BYTES) return block.subarray(place, place + end - start);
    const joined = new Uint8Array(end - start);
    for (let at = start; at < end; ) {
      const part = this.partAt(at, end);
      joined.set(part, at - start);
      at += part.length;
    }
    return joined;
  }

  private startOf(line: number): number {
    return line < this.starts.length ? this.starts.at(line) : this.size;
  }

  private partAt(at: number, end: number): Uint8Array {
    const place = at % BLOCK_BYTES;
    const block = this.blocks[Math.floor(at / BLOCK_BYTES)] as Uint8Array;
    return block.subarray(place, Math.min(BLOCK_BYTES, place + end - at));
  }

  private byteAt(at: number): number {
    return this.blocks[Math.floor(at / BLOCK_BYTES)]?.[at % BLOCK_BYTES] ?? 0;
  }

  /** Returns the last position of `byte` in the range, else the one before `start`. */
  private lastOf(byte: number, start: number, end: number): number {
    for (let upTo = end; upTo > start; ) {
      const from = Math.max(start, Math.floor((upTo - 1) / BLOCK_BYTES) * BLOCK_BYTES);
      const found = this.bytes(from, upTo).lastIndexOf(byte);
      if (found >= 0) return from + found;
      upTo = from;
    }
    return start - 1;
  }

  private noteLines(part: Uint8Array): void {
    let last = this.starts.at(this.starts.length - 1);
    for (let at = part.indexOf(LF); at >= 0; at = part.indexOf(LF, at + 1)) {
      const start = this.size + at + 1;
      this.longest = Math.max(this.longest, start - 1 - last);
      this.starts.push(start);
      last = start;
    }
  }

  /** Records where the active styles at a line's start change. An incomplete sequence waits. */
  private noteStyles(): void {
    for (let at = this.nextEscape(); at >= 0; at = this.nextEscape()) {
      const sequence = this.bytes(at, Math.min(this.size, at + LONGEST_STYLE));
      const end = endOfStyle(sequence);
      this.noteLinesBefore(at);
      if (end === "unfinished" && this.size - at < LONGEST_STYLE) {
        this.styledTo = at;
        return;
      }
      if (typeof end === "number")
        this.carry = afterStyle(this.carry, String.fromCharCode(...sequence.subarray(0, end)));
      this.styledTo = at + 1;
    }
    this.noteLinesBefore(this.size + 1);
  }

  private nextEscape(): number {
    while (this.styledTo < this.size) {
      const part = this.partAt(this.styledTo, this.size);
      const found = part.indexOf(ESC);
      if (found >= 0) return this.styledTo + found;
      this.styledTo += part.length;
    }
    return -1;
  }

  private noteLinesBefore(at: number): void {
    const before = this.styledLine;
    if (this.starts.at(this.starts.length - 1) < at) this.styledLine = this.starts.length - 1;
    else
      while (this.styledLine + 1 < this.starts.length && this.starts.at(this.styledLine + 1) <= at)
        this.styledLine += 1;
    if (this.styledLine > before && this.carry !== (this.carries.at(-1) ?? "")) {
      this.carryLines.push(before + 1);
      this.carries.push(this.carry);
    }
  }

  private carryOf(line: number): string {
    const place = this.carryLines.placeBehind(line);
    return place > 0 ? (this.carries[place - 1] ?? "") : "";
  }
}

/** Returns the length of the colour sequence at the start; null for another sequence. */
function endOfStyle(bytes: Uint8Array): number | "unfinished" | null {
  if (bytes.length > 1 && bytes[1] !== 0x5b) return null;
  for (let at = 2; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === 0x6d) return at + 1;
    if (byte < 0x30 || byte > 0x3b) return null; // neither a digit nor ; nor :
  }
  return "unfinished";
}

function afterStyle(carry: string, style: string): string {
  const parameters = style.slice(2, -1);
  if (parameters === "" || parameters === "0") return "";
  const kept = parameters.startsWith("0;") ? style : carry + style;
  return kept.length > LONGEST_CARRY ? style : kept;
}

const SEGMENT = 1 << 16;

export class Numbers {
  private readonly segments: Uint32Array[] = [];
  length = 0;

  push(value: number): void {
    const place = this.length & (SEGMENT - 1);
    if (place === 0) this.segments.push(new Uint32Array(SEGMENT));
    (this.segments[this.length >>> 16] as Uint32Array)[place] = value;
    this.length += 1;
  }

  at(index: number): number {
    return (this.segments[index >>> 16] as Uint32Array)[index & (SEGMENT - 1)] as number;
  }

  /** Returns how many are at most `value`. */
  placeBehind(value: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
