/** The last lines of a job's log, as they are written. */
import { ofProject } from "../api/project";
import { type FollowedLog, followLog } from "./followLog";
import { type TailLine, TailLines } from "./tailLines";

const END_BYTES = 128 * 1024; // 500 lines of usual length and more
const SHOW_MS = 100; // a log that writes without pause is drawn ten times a second

interface Hear {
  onLines: (lines: readonly TailLine[]) => void;
  onProblem: (problem: string | null) => void;
}

/** Tells the last `most` lines whenever there are others, until it is closed. */
export function tailLog(jobId: string, most: number, hear: Hear): FollowedLog {
  const decoder = new TextDecoder();
  let tail: TailLines | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  function show(): void {
    clearTimeout(timer);
    timer = undefined;
    if (tail) hear.onLines(tail.shown());
  }
  const followed = followLog(ofProject(`/api/jobs/${encodeURIComponent(jobId)}/log`), END_BYTES, false, {
    onSize(size, skipped) {
      hear.onProblem(null);
      tail ??= new TailLines(most, skipped > 0);
      if (size === 0) show();
    },
    onBytes(bytes) {
      tail?.add(decoder.decode(bytes, { stream: true }));
      timer ??= setTimeout(show, SHOW_MS);
      return true;
    },
    onEnd(end) {
      show();
      if (end === "broken") hear.onProblem("The server does not answer. Trying again …");
    },
    onRefusal(status, message) {
      hear.onProblem(`The log was refused (HTTP ${status}): ${message}`);
    },
  });
  return {
    setLive: followed.setLive,
    close() {
      clearTimeout(timer);
      followed.close();
    },
  };
}
