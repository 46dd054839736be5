/** Why jobs wait: the server's groups in words, and as rows of one list. */
import type { Job, QueueGroup } from "../../api/facts";

type WaitsFor = QueueGroup["waits_for"];

const TITLES: Record<WaitsFor, (about: string) => string> = {
  unroutable: (label) => `No worker offers ${label}`,
  worker_away: (label) => `The ${label} worker they are bound to is away`,
  draining: (label) => `Every worker that offers ${label} is draining`,
  worker_draining: (label) => `The ${label} worker they are bound to is draining`,
  approval: () => "Waiting for approval",
  slots: (label) => `All ${label} slots are busy`,
  worker_busy: (label) => `The ${label} worker they are bound to is busy`,
  concurrency: (key) => `Waiting for a place under key “${key}”`,
  retry: () => "Waiting to try again",
  time: () => "Waiting for their time",
  parents: () => "Waiting for jobs before them",
};

/** What to do, or why nothing is. */
export const ADVICE: Record<WaitsFor, string> = {
  unroutable: "They wait until a worker joins that offers it. Nothing else is held up.",
  worker_away: "They go on when it is back. To run them elsewhere, cancel them and submit them without affinity.",
  draining: "They start when one of these takes jobs again, or another joins.",
  worker_draining:
    "They start when it takes jobs again. To run them elsewhere, cancel them and submit them without affinity.",
  approval: "Somebody has to approve or reject them.",
  slots: "They start as slots become free: the highest priority first, then the longest ready.",
  worker_busy: "They start as its slots become free, whatever others have free.",
  concurrency: "Only so many of them may run at once; each starts when one before it ends.",
  retry: "An attempt failed; the next one begins after its pause.",
  time: "They were submitted with a delay.",
  parents: "They start when the jobs before them are done.",
};

export const CONFINED =
  "They were submitted from a worker with that token, which is not trusted: only workers with it may run them.";

export function titleOf(group: QueueGroup): string {
  const about = group.requirement ?? group.concurrency_key ?? "";
  return TITLES[group.waits_for](group.confined_to ? `${about} with token ${group.confined_to}` : about);
}

export function waitsSince(job: Job): string {
  return job.ready_at ?? job.submitted_at;
}

/** Returns the server's reason with its times as local ones. */
export function shownReason(job: Job, shown: (at: number) => string): string {
  return (job.reason ?? "").replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, (iso) =>
    shown(Date.parse(iso)),
  );
}

export type Row =
  | { readonly kind: "group"; readonly group: QueueGroup; readonly isOpen: boolean }
  | { readonly kind: "job"; readonly job: Job }
  /** Stands for the jobs that were not read; `next` is how many to ask for, null when no more can be. */
  | { readonly kind: "more"; readonly group: QueueGroup; readonly rest: number; readonly next: number | null };

const FEW = 8; // jobs of a group that is open at first: all reasons should be in sight
const PAGE_JOBS = 100;
const MOST_JOBS = 1000; // the server gives no more of one group

/** Returns the groups with the jobs of those that are open, as rows of one list. `turned` are those not as at first. */
export function rowsOf(groups: readonly QueueGroup[], turned: readonly string[]): Row[] {
  return groups.flatMap((group): Row[] => {
    const isOpen = (group.waits_for !== "parents" && group.count <= FEW) !== turned.includes(group.name);
    return [{ kind: "group", group, isOpen }, ...(isOpen ? jobsOf(group) : [])];
  });
}

function jobsOf(group: QueueGroup): Row[] {
  const rows = group.jobs.map((job): Row => ({ kind: "job", job }));
  const rest = group.count - group.jobs.length;
  if (rest <= 0) return rows;
  const next = Math.min(MOST_JOBS, group.jobs.length + PAGE_JOBS);
  return [...rows, { kind: "more", group, rest, next: next > group.jobs.length ? next : null }];
}

export function keyOfRow(row: Row): string {
  return row.kind === "job" ? row.job.job_id : `${row.kind} ${row.group.name}`;
}
