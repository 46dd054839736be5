import { useMemo } from "react";
import { Link, useNavigate } from "react-router";
import type { Job } from "../../api/facts";
import type { Queue } from "../../api/workers";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { useNow } from "../../parts/clock";
import { Empty } from "../../parts/Empty";
import { moment } from "../../parts/format";
import { Cell, RowList } from "../../parts/RowList";
import { Time } from "../../parts/Time";
import { chosenIn, dagPath, useUrl } from "../../parts/url";
import { joinCommand } from "./offers";
import { type Group, groupsOf, keyOfRow, type Row, rowsOf, shownReason, waitsSince } from "./queue";

/** Adds a worker that offers a label; null where the viewer may not. */
type OnAdd = ((label: string) => void) | null;

const ROW_PX = 40;
const HEAD_PX = 33;
const MOST_PX = 640;

/** Every waiting job, gathered by what it waits for. */
export function QueueList({ queue, onAdd }: { queue: Queue; onAdd: OnAdd }) {
  const [url, setUrl] = useUrl();
  const navigate = useNavigate();
  const groups = useMemo(() => groupsOf(queue.jobs), [queue.jobs]);
  const turned = chosenIn(url, "turned");
  const rows = rowsOf(groups, turned);
  function open(row: Row): void {
    if (row.kind === "job") navigate(pathOf(row.job));
    else setUrl({ turned: withTurned(turned, row.group.key) });
  }
  const total = `${queue.jobs.length.toLocaleString("en-US")}${queue.more ? "+" : ""}`;
  return (
    <section className="stack workers-queue" aria-labelledby="queue">
      <h2 id="queue">
        Queue <span className="soft">{queue.jobs.length > 0 ? total : ""}</span>
      </h2>
      {rows.length === 0 ? (
        <div className="card">
          <Empty title="Nothing waits">A job that cannot start at once stands here, with what it waits for.</Empty>
        </div>
      ) : (
        <div className="workers-queue-rows" style={{ height: Math.min(MOST_PX, HEAD_PX + 2 + heightOf(rows)) }}>
          <RowList
            label="Queue"
            rows={rows}
            keyOf={keyOfRow}
            columns="var(--workers-queue-columns)"
            rowHeight={ROW_PX}
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
            {(row) =>
              row.kind === "group" ? <GroupRow row={row} onAdd={onAdd} onTurn={open} /> : <JobRow job={row.job} />
            }
          </RowList>
        </div>
      )}
    </section>
  );
}

function GroupRow({ row, onAdd, onTurn }: { row: Row & { kind: "group" }; onAdd: OnAdd; onTurn: (row: Row) => void }) {
  const { group, isOpen } = row;
  return (
    <div role="cell" className="workers-group" data-kind={group.kind}>
      <button type="button" className="workers-turn" aria-expanded={isOpen} onClick={() => onTurn(row)}>
        <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span>
        {group.kind === "unroutable" ? <span aria-hidden="true">⚠</span> : null}
        <strong dir="auto">{group.title}</strong>
        <span className="workers-count">{group.jobs.length.toLocaleString("en-US")}</span>
      </button>
      <span className="soft workers-advice">{group.advice}</span>
      <WhatToDo group={group} onAdd={onAdd} />
    </div>
  );
}

function WhatToDo({ group, onAdd }: { group: Group; onAdd: OnAdd }) {
  if (group.kind === "approval") return <Link to="/approvals">Decide</Link>;
  if (group.kind !== "unroutable" || group.label === null) return null;
  const { label } = group;
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

function JobRow({ job }: { job: Job }) {
  const now = useNow();
  return (
    <>
      <Cell className="cut workers-indent">
        <Link to={pathOf(job)} dir="auto">
          {job.name}
        </Link>
      </Cell>
      <Cell className="cut workers-wide">
        <span className="soft" dir="auto">
          {job.dag_name}
        </span>
      </Cell>
      <Cell className="cut workers-wide">
        <span className="mono soft">{job.requirement}</span>
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

function withTurned(turned: readonly string[], key: string): string {
  return (turned.includes(key) ? turned.filter((one) => one !== key) : [...turned, key]).join();
}

function heightOf(rows: readonly Row[]): number {
  return rows.length * (ROW_PX + 1);
}
