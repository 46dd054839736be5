/**
 * Reads the end of a job's log and follows it over a response that stays open while the job runs. A broken response is
 * resumed at the first missing byte. Also used by a web worker, so it needs no window.
 */
import { ApiError, apiErrorOf, isRetryable } from "../api/apiError";

const PAUSE_MS = 1000; // before a broken or early response is requested again
const ANSWER_MS = 10_000; // for responses that come at once
const SILENT_MS = 35_000; // of an open response, before it is requested again: a lost route does not close it

export interface LogHearer {
  /** Reports the log's size, and how many bytes at the beginning are skipped. */
  onSize: (size: number, skipped: number) => void;
  /** Returns false to stop. */
  onBytes: (bytes: Uint8Array) => boolean;
  /** Reports that everything was read, or that the connection broke and is retried. */
  onEnd: (end: "ended" | "broken") => void;
  /** The server refused the log; it is not requested again. */
  onRefusal: (status: number, message: string) => void;
}

export interface FollowedLog {
  /** Sets whether the job runs, and so whether its log grows. */
  setLive: (isLive: boolean) => void;
  close: () => void;
}

/** Follows the log at `url`; of a log longer than `most` bytes, its end. */
export function followLog(url: string, most: number, isLive: boolean, hear: LogHearer): FollowedLog {
  const closing = new AbortController();
  const { signal } = closing;
  let skipped: number | null = null;
  let read = 0;

  async function readOn(): Promise<End> {
    try {
      // A separate request: the response that stays open starts with the next byte, however late.
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

  /** Reads from `offset` on, of a log with `size` bytes. */
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
      // A job may be silent for long, but bytes that exist and did not come mean a lost route.
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

/** Returns whether the server's refusal is final. */
function isFinalError(error: unknown): error is ApiError {
  return error instanceof ApiError && !isRetryable(error) && error.status !== 401; // the page then asks for a token
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

/** How one response ended: with the log, broken, or for good. */
export type End = "ended" | "broken" | "over";

export class Following {
  private readonly read: () => Promise<End>;
  private readonly pause: () => Promise<void>;
  private isLive: boolean;
  private isOwed: boolean; // bytes written between the last read and the job's end
  private isUnderWay = false;

  constructor(isLive: boolean, read: () => Promise<End>, pause: () => Promise<void>) {
    this.isLive = isLive;
    this.isOwed = isLive;
    this.read = read;
    this.pause = pause;
  }

  /** Whether the running read is the last: it started after the job's end. */
  get isLast(): boolean {
    return !this.isOwed;
  }

  /** Sets whether the job runs; a retried job is followed again. */
  setLive(isLive: boolean): void {
    this.isLive = isLive;
    if (!isLive) return;
    this.isOwed = true;
    void this.run();
  }

  /** Reads until a read that started after the job's end is done; resolves then, for tests. */
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
