/** Read the beginning of a stored file, and decide by its name how to preview it. */
import { apiErrorOf } from "../api/apiError";
import { indented } from "./jsonText";
import { blobPath } from "./url";

const FIRST_BYTES = 1024 * 1024; // larger files are for the download

export interface Content {
  content: Uint8Array;
  /** Of the whole file. */
  sizeBytes: number;
}

const NO_SUCH_PART = 416; // the range of an empty file

/** Reads a file, or the beginning of a large one. */
export async function readFirst(digest: string, path: string, signal: AbortSignal): Promise<Content> {
  const headers = { Range: `bytes=0-${FIRST_BYTES - 1}` };
  const answer = await fetch(blobPath(digest, path), { signal, headers });
  if (answer.status === NO_SUCH_PART) return { content: new Uint8Array(), sizeBytes: 0 };
  if (!answer.ok) throw await apiErrorOf(answer);
  const content = new Uint8Array(await answer.arrayBuffer());
  return { content, sizeBytes: wholeSize(answer.headers.get("Content-Range")) ?? content.length };
}

/** Returns the size in `bytes 0-99/1234`. */
function wholeSize(range: string | null): number | null {
  const size = range?.split("/").at(-1);
  return size ? Number(size) : null;
}

type FileKind = "text" | "json" | "markdown" | "csv" | "image" | "binary";

const BINARY =
  /\.(7z|avi|avif|bin|bmp|bz2|db|dll|docx?|exe|flac|gz|heic|ico|jar|mkv|mov|mp3|mp4|npy|npz|odt|ogg|onnx|parquet|pdf|pickle|pkl|pptx?|pt|pyc|rar|safetensors|so|sqlite3?|tar|tgz|tiff?|ttf|wasm|wav|webm|whl|woff2?|xlsx?|xz|zip|zst)$/i;

/** Returns how to preview a file of this name; whether it is text is known when it is read. */
export function kindOf(path: string): FileKind {
  if (isImage(path)) return "image";
  if (BINARY.test(path)) return "binary";
  if (/\.(json|ipynb)$/i.test(path)) return "json";
  if (/\.(md|markdown)$/i.test(path)) return "markdown";
  return /\.(csv|tsv)$/i.test(path) ? "csv" : "text";
}

const IMAGES = /\.(png|jpe?g|gif|webp)$/i;

/** Returns whether the server serves a file of this name inline as an image. */
export function isImage(name: string): boolean {
  return IMAGES.test(name);
}

/** Returns bytes as text; null for binary: a NUL, or invalid UTF-8 before the last character. */
export function readable(content: Uint8Array): string | null {
  if (content.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content, { stream: true });
  } catch {
    return null;
  }
}

/** Returns formatted JSON with its numbers and keys as stored; null unless it is an object or array. */
export function laidOutJson(text: string): string | null {
  return /^\s*[[{]/.test(text) ? indented(text) : null;
}

export interface Table {
  rows: string[][];
  /** Whether there are more rows. */
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

/** Returns the length of the longest row. */
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
