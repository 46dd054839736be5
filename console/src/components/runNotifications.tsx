/** Toasts and browser notifications for runs that end while they are on the screen. */

import { useSyncExternalStore } from "react";
import { type RunView, whyFailed } from "../api/types";
import { Button } from "./Button";
import { count } from "./format";
import { toast } from "./Toasts";

type Run = Pick<RunView, "run_id" | "status" | "first_error" | "reason">;

const GATHER_MS = 1000; // many runs that end together give one message

const ended = new Map<string, Run>();
let timer: number | undefined;

/** Compares runs before and after a reload, and reports those that ended. */
export function notifyRunEnds(before: readonly Run[], after: readonly Run[]): void {
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
    toast(body ? `${title} ${body}` : title, runs.some((run) => run.status === "failed") ? "bad" : "good");
    notify(title, body);
  }, GATHER_MS);
}

/** Returns the title and text for runs that ended. */
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

const KEY = "titan.notify";
const watchers = new Set<() => void>();

/** impossible: this browser or address does not support notifications. denied: the user blocked them. */
type Notifying = "on" | "off" | "denied" | "impossible";

function notifying(): Notifying {
  if (!("Notification" in window) || !window.isSecureContext) return "impossible";
  if (Notification.permission === "denied") return "denied";
  return Notification.permission === "granted" && isWanted() ? "on" : "off";
}

/** Turns them on or off; the browser may ask for permission. */
async function setNotifying(isOn: boolean): Promise<void> {
  if (isOn && Notification.permission === "default") await Notification.requestPermission();
  try {
    localStorage.setItem(KEY, isOn ? "on" : "off");
  } catch {
    // storage is disabled: forgotten with the page
  }
  for (const changed of watchers) changed();
}

function notify(title: string, body: string): void {
  if (notifying() === "on" && document.hidden) new Notification(title, { body, tag: title });
}

function useNotifying(): Notifying {
  return useSyncExternalStore(watch, notifying);
}

function watch(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

function isWanted(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

const WHY: Record<Notifying, string> = {
  on: "This browser notifies you when a run on this page ends while you are elsewhere. Click to turn it off.",
  off: "Let this browser notify you when a run on this page ends while you are elsewhere.",
  denied: "This browser blocks notifications from this page. Allow them in the browser's site settings.",
  impossible: "Browsers allow notifications over HTTPS and on localhost only.",
};

/** A button that turns browser notifications on or off. */
export function NotifyToggle() {
  const state = useNotifying();
  const isPossible = state === "on" || state === "off";
  return (
    <Button
      kind="quiet"
      aria-pressed={state === "on"}
      disabled={!isPossible}
      title={WHY[state]}
      onClick={() => void setNotifying(state !== "on")}
    >
      <span aria-hidden="true">{state === "on" ? "◉" : "○"}</span> Notify me
    </Button>
  );
}
