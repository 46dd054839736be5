import { Link, useNavigate } from "react-router";
import type { Job, Queue, QueueGroup } from "../../api/facts";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { useNow } from "../../parts/clock";
import { Empty } from "../../parts/Empty";
import { moment, NOTHING } from "../../parts/format";
import { Name } from "../../parts/Name";
import { Cell, RowList } from "../../parts/RowList";
import { Time } from "../../parts/Time";
import { chosenIn, dagPath, toggled, useUrl } from "../../parts/url";
import { joinCommand } from "./offers";
import { ADVICE, CONFINED, keyOfRow, type Row, rowsOf, shownReason, titleOf, waitsSince } from "./queue";

/** Adds a worker that offers a label; null where the viewer may not. */
type OnAdd = ((label: string) => void) | null;

interface Props {
  queue: Queue;
  onAdd: OnAdd;
  /** Asks for so many first jobs of a group. */
  onMore: (group: string, jobs: number) => void;
  /** A group is folded: what more was asked for of it is not needed. */
  onFold: (group: string) => void;
}

/** Every waiting job, gathered by what it waits for. */
export function QueueList({ queue, onAdd, onMore, onFold }: Props) {
  const [url, setUrl] = useUrl();
  const navigate = useNavigate();
  const turned = chosenIn(url, "turned");
  const rows = rowsOf(queue.groups, turned);
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
          <Empty title="Nothing waits">A job that cannot start at once stands here, with what it waits for.</Empty>
        </div>
      ) : (
        <div className="workers-queue-rows">
          <RowList
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
                <Cell head>Why it waits</Cell>
                <Cell head className="num">
                  Since
                </Cell>
              </>
            }
          >
            {(row) => {
              if (row.kind === "group") return <GroupRow row={row} onAdd={onAdd} onTurn={open} />;
              return row.kind === "job" ? <JobRow job={row.job} /> : <MoreRow row={row} onMore={open} />;
            }}
          </RowList>
        </div>
      )}
      {queue.more ? <p className="soft">Of each reason the 20 largest groups are shown.</p> : null}
    </section>
  );
}

function GroupRow({ row, onAdd, onTurn }: { row: Row & { kind: "group" }; onAdd: OnAdd; onTurn: (row: Row) => void }) {
  const { group, isOpen } = row;
  return (
    <div role="cell" className="workers-group" data-kind={group.waits_for}>
      <button type="button" className="workers-turn" aria-expanded={isOpen} onClick={() => onTurn(row)}>
        <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span>
        {group.waits_for === "unroutable" ? <span aria-hidden="true">⚠</span> : null}
        <strong dir="auto">{titleOf(group)}</strong>
        <span className="workers-count">{group.count.toLocaleString("en-US")}</span>
      </button>
      <span className="soft workers-advice">{group.confined_to ? CONFINED : ADVICE[group.waits_for]}</span>
      <WhatToDo group={group} onAdd={onAdd} />
    </div>
  );
}

function WhatToDo({ group, onAdd }: { group: QueueGroup; onAdd: OnAdd }) {
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
      <Cell className="cut workers-indent">
        <Link to={pathOf(job)} title={job.name}>
          <Name of={job.name} />
        </Link>
      </Cell>
      <Cell className="cut workers-wide">
        <span className="soft" title={job.dag_name}>
          <Name of={job.dag_name} />
        </span>
      </Cell>
      <Cell className="cut workers-wide">
        {job.kind === "gate" ? (
          <span className="faint">{NOTHING}</span> // it takes no slot, whatever its label says
        ) : (
          <span className="mono soft">{job.requirement}</span>
        )}
      </Cell>
      <Cell className="cut soft">
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
