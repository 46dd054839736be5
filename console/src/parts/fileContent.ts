/** What of a stored file is read to be shown. */
import { refusalOf } from "../api/client";
import { blobPath } from "./url";

export const FIRST_BYTES = 1024 * 1024; // more is no preview; the download has it all

export interface Content {
  content: Uint8Array;
  isWhole: boolean;
}

/** Reads the file, or its first part where it is large. */
export async function readFirst(digest: string, path: string, size: number, signal: AbortSignal): Promise<Content> {
  const isWhole = size <= FIRST_BYTES;
  const headers = isWhole ? undefined : { Range: `bytes=0-${FIRST_BYTES - 1}` };
  const answer = await fetch(blobPath(digest, path), { signal, ...(headers && { headers }) });
  if (!answer.ok) throw await refusalOf(answer);
  return { content: new Uint8Array(await answer.arrayBuffer()), isWhole };
}
