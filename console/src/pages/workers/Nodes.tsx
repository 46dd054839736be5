/** The table of workers, and the details of one. */

import { type ReactNode, useState } from "react";
import { useCanOperate } from "../../api/session";
import type { Worker } from "../../api/types";
import { useDrain, useResume } from "../../api/workers";
import { Button } from "../../components/Button";
import { lookOf, Status } from "../../components/badges";
import { ConfirmDialog } from "../../components/Dialog";
import { bytes, count, duration, ofNanoseconds } from "../../components/format";
import { Name, ProjectLink } from "../../components/links";
import { Fact } from "../../components/Page";
import { Duration, Time } from "../../components/Time";
import { chosenIn, dagPath, logPath, toggled, useUrl } from "../../components/url";
import { Cell, VirtualTable } from "../../components/VirtualTable";

/** The table of workers. */
export function Nodes({
  label,
  workers,
  isGone = false,
}: {
  label: string;
  workers: readonly Worker[];
  isGone?: boolean;
}) {
  const [url, setUrl] = useUrl();
  const open = chosenIn(url, "open");
  function toggle({ worker_id: id }: Worker): void {
    setUrl((now) => toggled(now, "open", id));
  }
  return (
    <div className="workers-nodes" data-gone={isGone || undefined}>
      <VirtualTable
        label={label}
        rows={workers}
        keyOf={(worker) => worker.worker_id}
        columns="var(--workers-columns)"
        rowHeight={56}
        onOpen={toggle}
        onToggle={toggle}
        details={(worker) => (open.includes(worker.worker_id) ? <NodeDetails worker={worker} /> : null)}
        head={
          <>
            <Cell head>Node</Cell>
            <Cell head>State</Cell>
            <Cell head className="workers-wide">
              Slots
            </Cell>
            <Cell head className="workers-wide">
              {isGone ? "Last seen" : "Running"}
            </Cell>
            <Cell head className="workers-wider">
              Load
            </Cell>
            <Cell head className="workers-wider">
              Last jobs
            </Cell>
            <Cell head>
              <span className="sr-only">Actions</span>
            </Cell>
          </>
        }
      >
        {(worker) => (
          <>
            <Cell>
              <NodeName worker={worker} />
            </Cell>
            <Cell>
              <Status of={worker.state} />
            </Cell>
            <Cell className="workers-wide">
              <Slots worker={worker} />
            </Cell>
            <Cell className="workers-wide">
              {isGone ? <Time at={worker.seen_at} as="age" /> : <Running worker={worker} />}
            </Cell>
            <Cell className="workers-wider">
              <Load worker={worker} />
            </Cell>
            <Cell className="workers-wider">
              <LastMarks jobs={worker.last_jobs} />
            </Cell>
            <Cell className="workers-acts">
              {isGone ? null : <DrainButton worker={worker} />}
              <Button
                kind="quiet"
                aria-expanded={open.includes(worker.worker_id)}
                aria-label={`Details of ${worker.name}`}
                onClick={() => toggle(worker)}
              >
                <span aria-hidden="true">{open.includes(worker.worker_id) ? "▾" : "▸"}</span>
              </Button>
            </Cell>
          </>
        )}
      </VirtualTable>
    </div>
  );
}

const MOST_BLOCKS = 16; // more slots are shown as a bar
const MOST_RUNNING = 3; // the details have the rest

function NodeName({ worker }: { worker: Worker }) {
  return (
    <div className="workers-name">
      <span className="truncate" dir="auto">
        <strong>{worker.name}</strong>
        {worker.is_local ? (
          <span className="workers-tag" title="Started by this server">
            local
          </span>
        ) : null}
      </span>
      <span className="faint truncate">
        {worker.host === worker.name ? "" : `${worker.host} · `}
        {worker.version ? `version ${worker.version}` : ""}
      </span>
    </div>
  );
}

/** Busy slots as blocks, by label. */
export function Slots({ worker }: { worker: Worker }) {
  return (
    <div className="workers-slots">
      {Object.entries(worker.offers).map(([label, slots]) => {
        const busy = worker.busy[label] ?? 0;
        const parked = worker.parked[label] ?? 0;
        return (
          <div key={label} className="workers-offer">
            <span className="mono truncate">{label}</span>
            <span className="workers-blocks" aria-hidden="true">
              {slots <= MOST_BLOCKS ? (
                Array.from({ length: slots }, (_, slot) => <i key={slot} data-busy={slot < busy || undefined} />)
              ) : (
                <span className="workers-meter">
                  <i style={{ width: `${(busy * 100) / slots}%` }} />
                </span>
              )}
            </span>
            <span className="soft">
              {busy}/{slots}
              <span className="sr-only"> busy</span>
              {parked > 0 ? <span title="Jobs that wait: others use their slots"> + {parked} parked</span> : null}
            </span>
          </div>
        );
      })}
    </div>
  );
}

/** Running jobs with their durations. */
export function Running({ worker }: { worker: Worker }) {
  if (worker.running.length === 0) return <span className="faint">Idle</span>;
  const more = worker.running.length - MOST_RUNNING;
  return (
    <div className="workers-running">
      {worker.running.slice(0, MOST_RUNNING).map((job) => (
        <div key={job.job_id} className="workers-job">
          <ProjectLink
            className="truncate"
            title={job.name}
            project={job.project}
            to={dagPath({ name: job.dag_name, dag_id: job.dag_id }, job.job_id)}
          >
            <Name of={job.name} />
          </ProjectLink>
          <span className="soft">
            {job.parked_at ? "parked " : null}
            <Duration from={job.parked_at ?? job.started_at} to={null} />
          </span>
        </div>
      ))}
      {more > 0 ? <span className="faint">and {more} more</span> : null}
    </div>
  );
}

/** The machine's load and memory, where reported. */
export function Load({ worker: { load } }: { worker: Worker }) {
  if (!load) return <span className="faint">–</span>;
  const { memory_used_bytes: used, memory_total_bytes: total } = load;
  return (
    <div className="workers-load">
      <span title="Load average over the last minute">
        {load.average_1m.toFixed(1)} <span className="soft">on {count(load.cores, "core")}</span>
      </span>
      <span className="soft" title="Memory in use">
        {bytes(used)} of {bytes(total)}
      </span>
    </div>
  );
}

/** Outcomes of the last jobs, latest first. */
function LastMarks({ jobs }: { jobs: Worker["last_jobs"] }) {
  if (jobs.length === 0) return <span className="faint">None yet</span>;
  const bad = jobs.filter((job) => job.outcome !== "succeeded").length;
  return (
    <div className="workers-marks">
      <span aria-hidden="true">
        {jobs.map((job) => {
          const { tone, glyph, word } = lookOf(job.outcome);
          return (
            <i key={`${job.job_id} ${job.attempt}`} className={`tone-${tone}`} title={`${job.name}: ${word}`}>
              {glyph}
            </i>
          );
        })}
      </span>
      <span className="sr-only">
        {count(jobs.length, "last job")}, {bad === 0 ? "all succeeded" : `${bad} of them not successful`}
      </span>
    </div>
  );
}

/** The details of a worker: running and last jobs, facts. */
function NodeDetails({ worker }: { worker: Worker }) {
  return (
    <div className="workers-details">
      <JobTable title="Running now" none="Idle.">
        {worker.running.map((job) => (
          <tr key={job.job_id}>
            <td>
              <Status of="RUNNING" small />
            </td>
            <JobCells job={job} />
            <td className="num">
              <Duration from={job.started_at} to={null} />
            </td>
            <td />
            <LogLink job={job} />
          </tr>
        ))}
      </JobTable>
      <JobTable title="Last jobs" none="None yet.">
        {worker.last_jobs.map((job) => (
          <tr key={`${job.job_id} ${job.attempt}`}>
            <td>
              <Status of={job.outcome} small />
            </td>
            <JobCells job={job} />
            <td className="num">{duration(ofNanoseconds(job.duration_ns))}</td>
            <td className="num soft">
              <Time at={job.ended_at} as="age" />
            </td>
            <LogLink job={job} />
          </tr>
        ))}
      </JobTable>
      <dl className="workers-facts">
        <Fact name="Slots">
          <Slots worker={worker} />
        </Fact>
        <Fact name="Load">
          <Load worker={worker} />
        </Fact>
        <Fact name="Host">
          {worker.host}, process {worker.pid}
        </Fact>
        <Fact name="Version">{worker.version || "–"}</Fact>
        <Fact name="Joined">
          <Time at={worker.joined_at} />
        </Fact>
        <Fact name="Seen">
          <Time at={worker.seen_at} as="age" />
        </Fact>
        <Fact name="Id">
          <code>{worker.worker_id}</code>
        </Fact>
      </dl>
    </div>
  );
}

function JobTable({ title, none, children }: { title: string; none: string; children: ReactNode[] }) {
  return (
    <section>
      <h2>{title}</h2>
      {children.length > 0 ? (
        <table className="workers-jobs" aria-label={title}>
          <tbody>{children}</tbody>
        </table>
      ) : (
        <p className="faint">{none}</p>
      )}
    </section>
  );
}

type Named = Worker["running"][number] | Worker["last_jobs"][number];

function JobCells({ job }: { job: Named }) {
  return (
    <>
      <td className="workers-jobname">
        <ProjectLink
          dir="auto"
          project={job.project}
          to={dagPath({ name: job.dag_name, dag_id: job.dag_id }, job.job_id)}
        >
          {job.name}
        </ProjectLink>
      </td>
      <td className="workers-jobname soft" dir="auto">
        {job.dag_name}
      </td>
    </>
  );
}

function LogLink({ job }: { job: Named }) {
  return (
    <td>
      <ProjectLink project={job.project} to={logPath(job.job_id)} aria-label={`Log of ${job.name}`}>
        Log
      </ProjectLink>
    </td>
  );
}

/** Drains a worker, or resumes a draining one. */
function DrainButton({ worker }: { worker: Worker }) {
  const canChange = useCanOperate();
  const [asks, setAsks] = useState(false);
  const drain = useDrain();
  const resume = useResume();
  if (!canChange) return null;
  if (worker.state === "draining") {
    return (
      <Button busy={resume.isPending} aria-label={`Resume ${worker.name}`} onClick={() => resume.run(worker)}>
        Resume
      </Button>
    );
  }
  const running = worker.running.length;
  return (
    <>
      <Button busy={drain.isPending} aria-label={`Drain ${worker.name}`} onClick={() => setAsks(true)}>
        Drain
      </Button>
      {asks ? (
        <ConfirmDialog
          title={`Drain ${worker.name}?`}
          yes="Drain"
          onYes={() => drain.run(worker)}
          onClose={() => setAsks(false)}
        >
          It takes no new jobs, {running > 0 ? `finishes ${count(running, "running job")}` : "has none running"} and
          disconnects. Resume cancels the drain until then.
          {worker.is_local ? " This server does not start it again." : ""}
        </ConfirmDialog>
      ) : null}
    </>
  );
}
