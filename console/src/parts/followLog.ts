/** Reads the end of a job's log and what is written behind it, over one answer that stays open while the job runs. */
import { mayHeal, Refusal, refusalOf, Unreachable } from "../api/client";
import type { Job } from "../api/facts";
import { type TailLine, TailLines } from "./tailLines";

const END_BYTES = 128 * 1024; // 500 lines of usual length and more
const SHOW_MS = 100; // a log that writes without pause is drawn ten times a second
const PAUSE_MS = 1000; // before a broken stream is taken up again where it broke
const ANSWER_MS = 10_000; // for what is answered at once
const SILENT_MS = 35_000; // of a stream, before it is asked for anew where it is: a lost route ends none

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
  const job = `/api/jobs/${encodeURIComponent(jobId)}`;
  let offset: number | null = null;
  let tail = new TailLines(most, false);
  while (!signal.aborted) {
    try {
      const size = await sizeOf(job, signal); // and whether anybody answers: what follows may rightly be silent for long
      if (offset === null) {
        offset = Math.max(0, size - END_BYTES);
        if (size === 0) hear.onLines([]); // the answer begins with the first line, which may be long in coming
        tail = new TailLines(most, offset > 0);
      }
      hear.onProblem(null);
      for await (const read of parts(job, offset, tail, hear, signal)) offset += read;
      if (await isOver(job, offset, signal)) return;
    } catch (error) {
      if (signal.aborted || !goesOn(error, hear)) return;
    }
    await new Promise((resolve) => window.setTimeout(resolve, PAUSE_MS));
  }
}

/** Tells what went wrong; returns whether it may be answered later. */
function goesOn(error: unknown, hear: Hear): boolean {
  const isHopeful = mayHeal(error) || isSignedOut(error);
  hear.onProblem(`${wordsOf(error)}${isHopeful ? " Trying again …" : ""}`);
  return isHopeful;
}

function wordsOf(error: unknown): string {
  if (error instanceof Refusal) return `The log was refused (HTTP ${error.status}): ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/** The page asks for a token then, and goes on with it. */
function isSignedOut(error: unknown): boolean {
  return error instanceof Refusal && error.status === 401;
}

async function ask(url: string, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(url, { signal }).catch((error: unknown) => {
    throw new Unreachable(error);
  });
  if (!answer.ok) throw await refusalOf(answer);
  return answer;
}

async function sizeOf(job: string, signal: AbortSignal): Promise<number> {
  const answer = await ask(`${job}/log?limit_bytes=1`, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]));
  await answer.body?.cancel();
  return Number(answer.headers.get("Titan-Log-Size") ?? 0);
}

/** Returns whether nothing follows: a stream also ends when its server does, or when nothing came for long. */
async function isOver(job: string, offset: number, signal: AbortSignal): Promise<boolean> {
  const answer = await ask(job, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]));
  const { ended_at } = (await answer.json()) as Job;
  return ended_at !== null && (await sizeOf(job, signal)) <= offset;
}

/** Takes what comes behind `offset` into `tail`, shows it now and then, and yields how many bytes each part had. */
async function* parts(
  job: string,
  offset: number,
  tail: TailLines,
  hear: Hear,
  signal: AbortSignal,
): AsyncGenerator<number> {
  const decoder = new TextDecoder(); // of this answer: a broken one may have ended within a letter
  const silence = new AbortController();
  let limit: number | undefined;
  let timer: number | undefined;
  function listen(): void {
    window.clearTimeout(limit);
    limit = window.setTimeout(() => silence.abort(), SILENT_MS);
  }
  function show(): void {
    window.clearTimeout(timer);
    timer = undefined;
    if (!signal.aborted) hear.onLines(tail.shown());
  }
  try {
    listen();
    const answer = await ask(`${job}/log?offset=${offset}&follow=true`, AbortSignal.any([signal, silence.signal]));
    show();
    const reader = (answer.body ?? new Blob().stream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      listen();
      tail.add(decoder.decode(part.value, { stream: true }));
      timer ??= window.setTimeout(show, SHOW_MS);
      yield part.value.length;
    }
  } catch (error) {
    if (!silence.signal.aborted) throw error;
  } finally {
    window.clearTimeout(limit);
    show();
  }
}
