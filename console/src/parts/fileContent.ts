/** What of a stored file is read to be shown, and as what. */
import { refusalOf } from "../api/client";
import { isImage } from "./preview";
import { blobPath } from "./url";

export const FIRST_BYTES = 1024 * 1024; // more is no preview; the download has it all

export type FileKind = "text" | "json" | "markdown" | "csv" | "image" | "binary";

export interface Content {
  content: Uint8Array;
  isWhole: boolean;
}

const BINARY =
  /\.(7z|avi|avif|bin|bmp|bz2|db|dll|docx?|exe|flac|gz|heic|ico|jar|mkv|mov|mp3|mp4|npy|npz|odt|ogg|onnx|parquet|pdf|pickle|pkl|pptx?|pt|pyc|rar|safetensors|so|sqlite3?|tar|tgz|tiff?|ttf|wasm|wav|webm|whl|woff2?|xlsx?|xz|zip|zst)$/i;

/** Returns as what a file of this name is shown; what is no text after all is found when it is read. */
export function kindOf(path: string): FileKind {
  if (isImage(path)) return "image";
  if (BINARY.test(path)) return "binary";
  if (/\.(json|ipynb)$/i.test(path)) return "json";
  if (/\.(md|markdown)$/i.test(path)) return "markdown";
  return /\.(csv|tsv)$/i.test(path) ? "csv" : "text";
}

/** Reads the file, or its first part where it is large. */
export async function readFirst(digest: string, path: string, size: number, signal: AbortSignal): Promise<Content> {
  const isWhole = size <= FIRST_BYTES;
  const headers = isWhole ? undefined : { Range: `bytes=0-${FIRST_BYTES - 1}` };
  const answer = await fetch(blobPath(digest, path), { signal, ...(headers && { headers }) });
  if (!answer.ok) throw await refusalOf(answer);
  return { content: new Uint8Array(await answer.arrayBuffer()), isWhole };
}
