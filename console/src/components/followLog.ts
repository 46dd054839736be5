/**
 * Reads the end of a job's log and what is written behind it, over an answer that stays open while the job runs; what
 * broke is taken up again at the first byte that is not here. For a page and for a worker of one: it needs no window.
 */
import { ApiError, apiErrorOf, isRetryable } from "../api/apiError";

const PAUSE_MS = 1000; // before an answer that broke, or ended before its job, is asked for again
const ANSWER_MS = 10_000; // for what is answered at once
const SILENT_MS = 35_000; // of an open answer, before it is asked for anew: a lost route ends none

export interface LogHearer {
  /** Somebody answers: so many bytes there are, and so many at the beginning are left out. */
  onSize: (size: number, skipped: number) => void;
  /** Returns false when it wants no more. */
  onBytes: (bytes: Uint8Array) => boolean;
  /** All that there will be was read, or nobody answers and it is asked again. */
  onEnd: (end: "ended" | "broken") => void;
  /** The server refuses, and is not asked again. */
  onRefusal: (status: number, message: string) => void;
}

export interface FollowedLog {
  /** Says whether the job goes on: so long its log does. */
  setLive: (isLive: boolean) => void;
  close: () => void;
}

/** Follows the log at `url`; of one that is longer than `most` bytes it begins within, so many before the end. */
export function followLog(url: string, most: number, isLive: boolean, hear: LogHearer): FollowedLog {
  const closing = new AbortController();
  const { signal } = closing;
  let skipped: number | null = null;
  let read = 0;

  async function readOn(): Promise<End> {
    try {
      // Asked apart: the answer that stays open begins with the first byte to come, however long that takes.
      const size = await sizeOf(url, signal);
      skipped ??= Math.max(0, size - most);
      hear.onSize(size, skipped);
      return await take(skipped + read, size);
    } catch (error) {
      if (signal.aborted) return "over";
      if (!isFinalError(error)) return "broken";
      hear.onRefusal(error.status, error.message);
      return "over";
    }
  }

  /** Takes what comes from `offset` on, of a log that has `size` bytes already. */
  async function take(offset: number, size: number): Promise<End> {
    const owed = size - offset;
    const before = read;
    const silence = new AbortController();
    const endSilence = () => silence.abort();
    let limit = setTimeout(endSilence, SILENT_MS);
    try {
      const answer = await ask(url, { offset, follow: true }, AbortSignal.any([signal, silence.signal]));
      const reader = answer.body?.getReader();
      for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
        clearTimeout(limit);
        limit = setTimeout(endSilence, SILENT_MS);
        read += part.value.length;
        if (hear.onBytes(part.value)) continue;
        await reader?.cancel();
        return "over";
      }
    } catch (error) {
      if (!silence.signal.aborted) throw error;
      // A job may write nothing for long; but what was announced is there, and did not come: the route is lost.
      if (read - before < owed) return "broken";
    } finally {
      clearTimeout(limit);
    }
    return "ended";
  }

  async function readAndTell(): Promise<End> {
    const end = await readOn();
    if (end === "broken" || (end === "ended" && following.isLast)) hear.onEnd(end);
    return end;
  }

  const following = new Following(isLive, readAndTell, pause);
  void following.run();
  return { setLive: (goesOn) => following.setLive(goesOn), close: () => closing.abort() };
}

/** Returns whether the server said no, and would say so again. */
function isFinalError(error: unknown): error is ApiError {
  return error instanceof ApiError && !isRetryable(error) && error.status !== 401; // then the page asks for a token, and goes on
}

async function sizeOf(url: string, signal: AbortSignal): Promise<number> {
  const answer = await ask(url, { limit_bytes: 1 }, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]));
  await answer.body?.cancel();
  return Number(answer.headers.get("Titan-Log-Size") ?? 0);
}

async function ask(url: string, query: Record<string, number | boolean>, signal: AbortSignal): Promise<Response> {
  const whole = new URL(url, self.location.origin);
  for (const [name, value] of Object.entries(query)) whole.searchParams.set(name, String(value));
  const answer = await fetch(whole, { signal });
  if (answer.ok) return answer;
  throw await apiErrorOf(answer);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

/** How one reading of the stream ended: with the log, without an answer, or for good. */
export type End = "ended" | "broken" | "over";

export class Following {
  private readonly read: () => Promise<End>;
  private readonly pause: () => Promise<void>;
  private isLive: boolean;
  private isOwed: boolean; // what comes between the last byte here and the end of the job
  private isUnderWay = false;

  constructor(isLive: boolean, read: () => Promise<End>, pause: () => Promise<void>) {
    this.isLive = isLive;
    this.isOwed = isLive;
    this.read = read;
    this.pause = pause;
  }

  /** Whether what the reading under way brings is the end: it began after the job's. */
  get isLast(): boolean {
    return !this.isOwed;
  }

  /** Says whether the job goes on; one that runs again is followed again. */
  setLive(isLive: boolean): void {
    this.isLive = isLive;
    if (!isLive) return;
    this.isOwed = true;
    void this.run();
  }

  /** Reads until a reading that began after the job's end has brought what was left; resolves then, for tests. */
  async run(): Promise<void> {
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    try {
      await this.readAll();
    } finally {
      this.isUnderWay = false;
    }
  }

  private async readAll(): Promise<void> {
    for (;;) {
      if (!this.isLive) this.isOwed = false;
      const end = await this.read();
      if (end === "over") return;
      if (end === "ended" && this.isLast) return;
      if (end === "broken" || this.isLive) await this.pause();
    }
  }
}
