/** Moments, ages and durations that update while they are on the screen. */

import { useSyncExternalStore } from "react";
import type { Job } from "../api/types";
import { age, between, duration, moment, NOTHING, ofNanoseconds } from "./format";

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

interface Props {
  at: string | null | undefined;
  as?: "moment" | "age";
}

/** A moment: the local clock time or its age, with both and UTC when the pointer rests on it. */
export function Time({ at, as = "moment" }: Props) {
  if (!at) return <span className="faint">{NOTHING}</span>;
  return as === "age" ? <Age at={at} /> : <Moment at={at} />;
}

function Moment({ at }: { at: string }) {
  const today = useToday();
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={bothTimes(time)}>
      {moment(time, today)}
    </time>
  );
}

function Age({ at }: { at: string }) {
  const now = useNow();
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={bothTimes(time)}>
      {age(time, now)}
    </time>
  );
}

function bothTimes(time: number): string {
  return `${LOCAL.format(time)}\n${new Date(time).toISOString().replace("T", " ").replace("Z", " UTC")}`;
}

/** How long something took; counts on while it has no end. */
export function Duration({ from, to }: { from: string | null | undefined; to: string | null | undefined }) {
  return to ? <span>{duration(from ? between(from, to) : null)}</span> : <Running from={from} />;
}

function Running({ from }: { from: string | null | undefined }) {
  const now = useNow();
  return <span>{from ? duration(Math.max(0, Math.floor((now - Date.parse(from)) / 1000) * 1000)) : NOTHING}</span>;
}

let now = Date.now();
const watchers = new Set<() => void>();
let timer: number | undefined;

function tick(): void {
  if (document.hidden) return;
  now = Date.now();
  for (const changed of watchers) changed();
}

function watch(changed: () => void): () => void {
  if (watchers.size === 0) {
    now = Date.now();
    timer = window.setInterval(tick, 1000);
    document.addEventListener("visibilitychange", tick);
  }
  watchers.add(changed);
  return () => {
    watchers.delete(changed);
    if (watchers.size > 0) return;
    window.clearInterval(timer);
    document.removeEventListener("visibilitychange", tick);
  };
}

/** Returns a moment of this local day: anew when the day changes, and not every second. */
export function useToday(): number {
  return useSyncExternalStore(watch, () => new Date(now).setHours(0, 0, 0, 0));
}

/** Returns the present moment in milliseconds, anew every second. */
export function useNow(): number {
  return useSyncExternalStore(watch, () => now);
}

/**
 * How long a job's last attempt took, as its worker measured it; while it runs, how long ago it began. Of a gate, how long it was
 * open. Nothing while it has not begun.
 */
export function JobDuration({ job }: { job: Job }) {
  if (job.kind === "gate") return job.ready_at ? <Duration from={job.ready_at} to={job.ended_at} /> : null;
  if (!job.leased_at) return null;
  if (job.ended_at) return <>{job.duration_ns === null ? NOTHING : duration(ofNanoseconds(job.duration_ns))}</>;
  return job.status === "RUNNING" ? <Duration from={job.leased_at} to={null} /> : null;
}
