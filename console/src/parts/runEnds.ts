/** Says when runs that are on the screen end: one by its name, many at once by their number. */
import type { RunView } from "../api/recorded";
import { count } from "./format";
import { notify } from "./notify";
import { say } from "./Toasts";
import { whyFailed } from "./whyEnded";

type Run = Pick<RunView, "run_id" | "status" | "first_error" | "reason">;

const GATHER_MS = 1000; // a hundred runs that end together are one note

const ended = new Map<string, Run>();
let timer: number | undefined;

/** Compares what was on the screen with what was read again. */
export function tellEnds(before: readonly Run[], after: readonly Run[]): void {
  const fresh = new Map(after.map((run) => [run.run_id, run]));
  for (const old of before) {
    const run = fresh.get(old.run_id);
    if (run && isLive(old) && (run.status === "completed" || run.status === "failed")) ended.set(run.run_id, run);
  }
  if (ended.size === 0 || timer !== undefined) return;
  timer = window.setTimeout(() => {
    timer = undefined;
    const runs = [...ended.values()];
    const [title, body] = wordsOf(runs);
    ended.clear();
    say(body ? `${title} ${body}` : title, runs.some((run) => run.status === "failed") ? "bad" : "good");
    notify(title, body);
  }, GATHER_MS);
}

/** Returns what to say of runs that ended, and what more is known. */
export function wordsOf(runs: readonly Run[]): [title: string, body: string] {
  const [first] = runs;
  if (runs.length === 1 && first) {
    return [`${first.run_id} ${first.status}.`, whyFailed(first) ?? ""];
  }
  const failed = runs.filter((run) => run.status === "failed").length;
  const words = [
    failed < runs.length ? `${count(runs.length - failed, "run")} completed` : "",
    failed > 0 ? `${count(failed, "run")} failed` : "",
  ];
  return [`${words.filter(Boolean).join(", ")}.`, ""];
}

function isLive(run: Run): boolean {
  return run.status === "running" || run.status === "pending";
}
