/** The queue: waiting jobs grouped by what they wait for. */
import { Link, useNavigate } from "react-router";
import type { Job, Queue, QueueGroup } from "../../api/types";
import { Button, CopyButton } from "../../components/Button";
import { EmptyState } from "../../components/EmptyState";
import { moment, NOTHING } from "../../components/format";
import { Name } from "../../components/links";
import { Time, useNow } from "../../components/Time";
import { chosenIn, dagPath, toggled, useUrl } from "../../components/url";
import { Cell, VirtualTable } from "../../components/VirtualTable";
import { joinCommand } from "./AddWorker";

/** Adds a worker with a label; null without permission. */
type OnAdd = ((label: string) => void) | null;

interface Props {
  queue: Queue;
  onAdd: OnAdd;
  /** Loads more jobs of a group. */
  onMore: (group: string, jobs: number) => void;
  /** A group was collapsed. */
  onFold: (group: string) => void;
}

/** The queue, grouped by reason. */
export function QueueList({ queue, onAdd, onMore, onFold }: Props) {
  const [url, setUrl] = useUrl();
  const navigate = useNavigate();
  const toggledGroups = chosenIn(url, "turned");
  const rows = rowsOf(queue.groups, toggledGroups);
  function open(row: Row): void {
    if (row.kind === "job") navigate(pathOf(row.job));
    else if (row.kind === "group") {
      setUrl((now) => toggled(now, "turned", row.group.name));
      if (row.isOpen) onFold(row.group.name);
    } else if (row.next !== null) onMore(row.group.name, row.next);
  }
  return (
    <section className="stack workers-queue" aria-labelledby="queue">
      <h2 id="queue">
        Queue <span className="soft">{queue.total > 0 ? queue.total.toLocaleString("en-US") : ""}</span>
      </h2>
      {rows.length === 0 ? (
        <div className="card">
          <EmptyState title="The queue is empty">Jobs that cannot start yet appear here, with the reason.</EmptyState>
        </div>
      ) : (
        <div className="workers-queue-rows">
          <VirtualTable
            label="Queue"
            rows={rows}
            keyOf={keyOfRow}
            columns="var(--workers-queue-columns)"
            onOpen={open}
            head={
              <>
                <Cell head>Job</Cell>
                <Cell head className="workers-wide">
                  DAG
                </Cell>
                <Cell head className="workers-wide">
                  Requires
                </Cell>
                <Cell head>Reason</Cell>
                <Cell head className="num">
                  Since
                </Cell>
              </>
            }
          >
            {(row) => {
              if (row.kind === "group") return <GroupRow row={row} onAdd={onAdd} onToggle={open} />;
              return row.kind === "job" ? <JobRow job={row.job} /> : <MoreRow row={row} onMore={open} />;
            }}
          </VirtualTable>
        </div>
      )}
      {queue.more ? <p className="soft">Only the 20 largest groups of each reason are shown.</p> : null}
    </section>
  );
}

function GroupRow({
  row,
  onAdd,
  onToggle,
}: {
  row: Row & { kind: "group" };
  onAdd: OnAdd;
  onToggle: (row: Row) => void;
}) {
  const { group, isOpen } = row;
  return (
    <div role="cell" className="workers-group" data-kind={group.waits_for}>
      <button type="button" className="workers-turn" aria-expanded={isOpen} onClick={() => onToggle(row)}>
        <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span>
        {group.waits_for === "unroutable" ? <span aria-hidden="true">⚠</span> : null}
        <strong dir="auto">{titleOf(group)}</strong>
        <span className="workers-count">{group.count.toLocaleString("en-US")}</span>
      </button>
      <span className="soft workers-advice">{group.confined_to ? CONFINED : ADVICE[group.waits_for]}</span>
      <GroupAction group={group} onAdd={onAdd} />
    </div>
  );
}

function GroupAction({ group, onAdd }: { group: QueueGroup; onAdd: OnAdd }) {
  if (group.waits_for === "approval") return <Link to="/approvals">Decide</Link>;
  const { waits_for: why, requirement: label } = group;
  if (why !== "unroutable" || label === null || group.confined_to !== null) return null;
  return (
    <span className="row">
      {onAdd ? (
        <Button onClick={() => onAdd(label)} aria-label={`Add a worker that offers ${label}`}>
          Add a worker
        </Button>
      ) : null}
      <CopyButton text={joinCommand(window.location.origin, { [label]: 1 })} label="Copy command" />
    </span>
  );
}

function MoreRow({ row, onMore }: { row: Row & { kind: "more" }; onMore: (row: Row) => void }) {
  const text = `${row.rest.toLocaleString("en-US")} more`;
  return (
    <Cell className="workers-indent">
      {row.next === null ? (
        <span className="soft">and {text}</span>
      ) : (
        <Button kind="quiet" onClick={() => onMore(row)} aria-label={`${text} of: ${titleOf(row.group)}`}>
          {text}
        </Button>
      )}
    </Cell>
  );
}

function JobRow({ job }: { job: Job }) {
  const now = useNow();
  return (
    <>
      <Cell className="truncate workers-indent">
        <Link to={pathOf(job)} title={job.name}>
          <Name of={job.name} />
        </Link>
      </Cell>
      <Cell className="truncate workers-wide">
        <span className="soft" title={job.dag_name}>
          <Name of={job.dag_name} />
        </span>
      </Cell>
      <Cell className="truncate workers-wide">
        {job.kind === "gate" ? (
          <span className="faint">{NOTHING}</span> // a gate takes no slot
        ) : (
          <span className="mono soft">{job.requirement}</span>
        )}
      </Cell>
      <Cell className="truncate soft">
        <span dir="auto" title={job.reason ?? undefined}>
          {shownReason(job, (at) => moment(at, now))}
        </span>
      </Cell>
      <Cell className="num soft">
        <Time at={waitsSince(job)} as="age" />
      </Cell>
    </>
  );
}

function pathOf(job: Job): string {
  return dagPath({ name: job.dag_name, dag_id: job.dag_id }, job.job_id);
}

type WaitsFor = QueueGroup["waits_for"];

const TITLES: Record<WaitsFor, (about: string) => string> = {
  unroutable: (label) => `No worker offers ${label}`,
  worker_away: (label) => `The ${label} worker they are bound to is away`,
  draining: (label) => `Every worker that offers ${label} is draining`,
  worker_draining: (label) => `The ${label} worker they are bound to is draining`,
  approval: () => "Waiting for approval",
  slots: (label) => `All ${label} slots are busy`,
  worker_busy: (label) => `The ${label} worker they are bound to is busy`,
  concurrency: (key) => `Concurrency limit of key “${key}” reached`,
  retry: () => "Waiting to retry",
  time: () => "Delayed",
  parents: () => "Waiting for parents",
};

/** What to do about each reason. */
const ADVICE: Record<WaitsFor, string> = {
  unroutable: "They wait until a worker that offers it joins. Other jobs are not affected.",
  worker_away: "They continue when it is back. To run them elsewhere, cancel them and submit them without affinity.",
  draining: "They start when one of these workers resumes, or another one joins.",
  worker_draining: "They start when it resumes. To run them elsewhere, cancel them and submit them without affinity.",
  approval: "They wait until somebody approves or rejects them.",
  slots: "They start as slots become free: highest priority first, then the one that has been ready longest.",
  worker_busy: "They start as its slots become free; free slots of other workers do not help.",
  concurrency: "Each starts when another job with the key ends.",
  retry: "An attempt failed. The next one starts after the retry delay.",
  time: "They were submitted with a delay.",
  parents: "They start when their parents complete.",
};

const CONFINED =
  "They were submitted from a worker with that token, which is not trusted: only workers with it may run them.";

export function titleOf(group: QueueGroup): string {
  const about = group.requirement ?? group.concurrency_key ?? "";
  return TITLES[group.waits_for](group.confined_to ? `${about} with token ${group.confined_to}` : about);
}

function waitsSince(job: Job): string {
  return job.ready_at ?? job.submitted_at;
}

/** Returns the server's reason with local times. */
export function shownReason(job: Job, shown: (at: number) => string): string {
  return (job.reason ?? "").replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, (iso) =>
    shown(Date.parse(iso)),
  );
}

export type Row =
  | { readonly kind: "group"; readonly group: QueueGroup; readonly isOpen: boolean }
  | { readonly kind: "job"; readonly job: Job }
  /** Jobs that are not loaded; `next` is the number to request, null at the limit. */
  | { readonly kind: "more"; readonly group: QueueGroup; readonly rest: number; readonly next: number | null };

const FEW = 8; // jobs of a group that is expanded at first
const PAGE_JOBS = 100;
const MOST_JOBS = 1000; // the server's limit per group

/** Returns groups and jobs as rows; `toggledGroups` differ from the default state. */
export function rowsOf(groups: readonly QueueGroup[], toggledGroups: readonly string[]): Row[] {
  return groups.flatMap((group): Row[] => {
    const isOpen = (group.waits_for !== "parents" && group.count <= FEW) !== toggledGroups.includes(group.name);
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
