/** Reads the end of a job's log and what is written behind it, over one answer that stays open while the job runs. */
import { refusalOf } from "../api/client";
import { type TailLine, TailLines } from "./tailLines";

const END_BYTES = 128 * 1024; // 500 lines of usual length and more
const SHOW_MS = 100; // a log that writes without pause is drawn ten times a second
const PAUSE_MS = 1000; // before a broken stream is taken up again where it broke

interface Hear {
  onLines: (lines: readonly TailLine[]) => void;
  onProblem: (problem: string | null) => void;
}

/** Follows until the job is final and all of it was read; returns how to end it sooner. */
export function followLog(jobId: string, most: number, hear: Hear): () => void {
  const ending = new AbortController();
  void follow(jobId, most, hear, ending.signal);
  return () => ending.abort();
}

async function follow(jobId: string, most: number, hear: Hear, signal: AbortSignal): Promise<void> {
  const url = `/api/jobs/${encodeURIComponent(jobId)}/log`;
  let offset: number | null = null;
  let tail = new TailLines(most, false);
  while (!signal.aborted) {
    try {
      if (offset === null) {
        const size = await sizeOf(url, signal);
        offset = Math.max(0, size - END_BYTES);
        if (size === 0) hear.onLines([]); // the answer begins with the first line, which may be long in coming
        tail = new TailLines(most, offset > 0);
      }
      const answer = await fetch(`${url}?offset=${offset}&follow=true`, { signal });
      if (!answer.ok || !answer.body) throw await refusalOf(answer);
      hear.onProblem(null);
      for await (const read of parts(answer.body, tail, hear, signal)) offset += read;
      return;
    } catch (error) {
      if (signal.aborted) return;
      hear.onProblem(`${error instanceof Error ? error.message : String(error)} Trying again …`);
      await new Promise((resolve) => window.setTimeout(resolve, PAUSE_MS));
    }
  }
}

async function sizeOf(url: string, signal: AbortSignal): Promise<number> {
  const answer = await fetch(`${url}?limit_bytes=1`, { signal });
  if (!answer.ok) throw await refusalOf(answer);
  await answer.body?.cancel();
  return Number(answer.headers.get("Titan-Log-Size") ?? 0);
}

/** Takes what comes into `tail`, shows it now and then, and yields how many bytes each part had. */
async function* parts(
  body: ReadableStream<Uint8Array>,
  tail: TailLines,
  hear: Hear,
  signal: AbortSignal,
): AsyncGenerator<number> {
  const reader = body.getReader();
  const decoder = new TextDecoder(); // of this answer: a broken one may have ended within a letter
  let timer: number | undefined;
  function show(): void {
    window.clearTimeout(timer);
    timer = undefined;
    if (!signal.aborted) hear.onLines(tail.shown());
  }
  try {
    show();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      tail.add(decoder.decode(part.value, { stream: true }));
      timer ??= window.setTimeout(show, SHOW_MS);
      yield part.value.length;
    }
  } finally {
    show();
  }
}
