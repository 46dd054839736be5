/** Moments, ages and durations that update while they are on the screen. */

import { useSyncExternalStore } from "react";
import type { Job } from "../api/types";
import { age, between, duration, moment, NOTHING, ofNanoseconds } from "./format";

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

interface Props {
  at: string | null | undefined;
  as?: "moment" | "age";
}

/** A moment as local time or age, with local time and UTC in the tooltip. */
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

/** The duration between two moments; counts up while there is no end. */
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

/** Returns midnight of the local day; renders again only when the day changes. */
export function useToday(): number {
  return useSyncExternalStore(watch, () => new Date(now).setHours(0, 0, 0, 0));
}

/** Returns the current time in milliseconds; renders again every second. */
export function useNow(): number {
  return useSyncExternalStore(watch, () => now);
}

/**
 * The duration of a job's last attempt as its worker measured it, counting up while it runs; of a gate, how long it was
 * open.
 */
export function JobDuration({ job }: { job: Job }) {
  if (job.kind === "gate") return job.ready_at ? <Duration from={job.ready_at} to={job.ended_at} /> : null;
  if (!job.leased_at) return null;
  if (job.ended_at) return <>{job.duration_ns === null ? NOTHING : duration(ofNanoseconds(job.duration_ns))}</>;
  return job.status === "RUNNING" ? <Duration from={job.leased_at} to={null} /> : null;
}
