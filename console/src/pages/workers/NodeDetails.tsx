import type { ReactNode } from "react";
import type { Worker } from "../../api/facts";
import { duration, ofNanoseconds } from "../../parts/format";
import { ProjectLink } from "../../parts/ProjectLink";
import { Status } from "../../parts/Status";
import { Time, Took } from "../../parts/Time";
import { dagPath, logPath } from "../../parts/url";
import { Load, Slots } from "./NodeCells";

/** All that is known of a worker: what it runs, what it ran last, where it is. */
export function NodeDetails({ worker }: { worker: Worker }) {
  return (
    <div className="workers-details">
      <JobTable title="Running now" none="Nothing: it waits for work.">
        {worker.running.map((job) => (
          <tr key={job.job_id}>
            <td>
              <Status of="RUNNING" small />
            </td>
            <JobCells job={job} />
            <td className="num">
              <Took from={job.started_at} to={null} />
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

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="faint">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
