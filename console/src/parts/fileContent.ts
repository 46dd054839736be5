/** What of a stored file is read to be shown. */
import { refusalOf } from "../api/refusal";
import { blobPath } from "./url";

export const FIRST_BYTES = 1024 * 1024; // more is no preview; the download has it all

export interface Content {
  content: Uint8Array;
  /** Of the whole file. */
  sizeBytes: number;
}

const NO_SUCH_PART = 416; // the first bytes of nothing

/** Reads the file, or its first part where it is large. */
export async function readFirst(digest: string, path: string, signal: AbortSignal): Promise<Content> {
  const headers = { Range: `bytes=0-${FIRST_BYTES - 1}` };
  const answer = await fetch(blobPath(digest, path), { signal, headers });
  if (answer.status === NO_SUCH_PART) return { content: new Uint8Array(), sizeBytes: 0 };
  if (!answer.ok) throw await refusalOf(answer);
  const content = new Uint8Array(await answer.arrayBuffer());
  return { content, sizeBytes: wholeSize(answer.headers.get("Content-Range")) ?? content.length };
}

/** Returns the last number of `bytes 0-99/1234`. */
function wholeSize(range: string | null): number | null {
  const size = range?.split("/").at(-1);
  return size ? Number(size) : null;
}
