/** Why jobs wait, gathered: one group for each reason, those that need somebody first. */
import type { Job } from "../../api/facts";

export interface Group {
  /** Names it in the URL. */
  readonly key: string;
  readonly kind: Kind;
  readonly title: string;
  /** What to do, or why nothing is. */
  readonly advice: string;
  /** The label that is missing or busy. */
  readonly label: string | null;
  readonly jobs: readonly Job[];
}

type Kind = "unroutable" | "away" | "approval" | "slots" | "key" | "retry" | "time" | "parents" | "other";

// What a person must do something about comes first, what goes by itself last.
const ORDER: readonly Kind[] = ["unroutable", "away", "approval", "slots", "key", "retry", "time", "other", "parents"];

const ADVICE: Record<Kind, string> = {
  unroutable: "They wait until a worker joins that offers it. Nothing else is held up.",
  away: "They go on when it is back. To run them elsewhere, cancel them and submit them without affinity.",
  approval: "Somebody has to approve or reject them.",
  slots: "They start as slots become free: the highest priority first, then the longest ready.",
  key: "Only so many of them may run at once; each starts when one before it ends.",
  retry: "An attempt failed; the next one begins after its pause.",
  time: "They were submitted with a delay.",
  parents: "They start when the jobs before them are done.",
  other: "",
};

export function groupsOf(jobs: readonly Job[]): Group[] {
  const groups = new Map<string, Group & { jobs: Job[] }>();
  for (const job of jobs) {
    const { kind, title, label = null } = whyOf(job);
    const key = label === null ? kind : `${kind}:${label}`;
    const id = kind === "key" || kind === "other" ? `${kind}:${title}` : key;
    const group = groups.get(id) ?? { key: id, kind, title, advice: ADVICE[kind], label, jobs: [] };
    group.jobs.push(job);
    groups.set(id, group);
  }
  for (const group of groups.values()) group.jobs.sort(byTurn);
  return [...groups.values()].sort(
    (one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind) || other.jobs.length - one.jobs.length,
  );
}

interface Why {
  kind: Kind;
  title: string;
  label?: string;
}

function whyOf(job: Job): Why {
  const reason = job.reason ?? "";
  const label = job.requirement;
  if (job.status === "WAITING_APPROVAL") return { kind: "approval", title: "Waiting for approval" };
  if (job.status === "READY") {
    if (reason.startsWith("no worker offers")) return { kind: "unroutable", title: `No worker offers ${label}`, label };
    if (reason.startsWith("the worker it is bound to"))
      return { kind: "away", title: "The worker they are bound to is away" };
    if (/^all .* slots are busy/.test(reason)) return { kind: "slots", title: `All ${label} slots are busy`, label };
  }
  if (/^waits for \d+ parent/.test(reason)) return { kind: "parents", title: "Waiting for jobs before them" };
  if (reason.startsWith("waits until") && reason.includes("(after:"))
    return { kind: "retry", title: "Waiting to try again" };
  if (reason.startsWith("waits until")) return { kind: "time", title: "Waiting for their time" };
  if (job.concurrency_key !== null && reason.startsWith("waits for one of"))
    return { kind: "key", title: `Waiting for a place under key “${job.concurrency_key}”` };
  return { kind: "other", title: sentence(reason) || "Ready to start" };
}

/** In the order in which they will be taken. */
function byTurn(one: Job, other: Job): number {
  return (
    other.priority - one.priority ||
    waitsSince(one).localeCompare(waitsSince(other)) ||
    one.job_id.localeCompare(other.job_id)
  );
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

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export type Row =
  | { readonly kind: "group"; readonly group: Group; readonly isOpen: boolean }
  | { readonly kind: "job"; readonly job: Job };

const FEW = 8; // jobs of a group that are shown at first; all reasons should be in sight

/** Returns the groups with the jobs of those that are open, as rows of one list. `turned` are those not as at first. */
export function rowsOf(groups: readonly Group[], turned: readonly string[]): Row[] {
  return groups.flatMap((group): Row[] => {
    const isOpen = (group.kind !== "parents" && group.jobs.length <= FEW) !== turned.includes(group.key);
    const jobs = isOpen ? group.jobs.map((job): Row => ({ kind: "job", job })) : [];
    return [{ kind: "group", group, isOpen }, ...jobs];
  });
}

export function keyOfRow(row: Row): string {
  return row.kind === "group" ? `group ${row.group.key}` : row.job.job_id;
}
