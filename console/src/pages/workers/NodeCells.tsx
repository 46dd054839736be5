import type { Worker } from "../../api/facts";
import { bytes, count } from "../../parts/format";
import { Name } from "../../parts/Name";
import { ProjectLink } from "../../parts/ProjectLink";
import { lookOf } from "../../parts/Status";
import { Took } from "../../parts/Time";
import { dagPath } from "../../parts/url";

const MOST_BLOCKS = 16; // more slots than that are a bar
const MOST_RUNNING = 3; // the rest stands in the details

export function NodeName({ worker }: { worker: Worker }) {
  return (
    <div className="workers-name">
      <span className="cut" dir="auto">
        <strong>{worker.name}</strong>
        {worker.is_local ? (
          <span className="workers-tag" title="A process beside this server, which keeps it">
            local
          </span>
        ) : null}
      </span>
      <span className="faint cut">
        {worker.host === worker.name ? "" : `${worker.host} · `}
        {worker.version ? `version ${worker.version}` : ""}
      </span>
    </div>
  );
}

/** Busy slots as blocks, label by label. */
export function Slots({ worker }: { worker: Worker }) {
  return (
    <div className="workers-slots">
      {Object.entries(worker.offers).map(([label, slots]) => {
        const busy = worker.busy[label] ?? 0;
        return (
          <div key={label} className="workers-offer">
            <span className="mono cut">{label}</span>
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
              <span className="unseen"> busy</span>
            </span>
          </div>
        );
      })}
    </div>
  );
}

/** What it runs now, each with its time; links to the job. */
export function Running({ worker }: { worker: Worker }) {
  if (worker.running.length === 0) return <span className="faint">Idle</span>;
  const more = worker.running.length - MOST_RUNNING;
  return (
    <div className="workers-running">
      {worker.running.slice(0, MOST_RUNNING).map((job) => (
        <div key={job.job_id} className="workers-job">
          <ProjectLink
            className="cut"
            title={job.name}
            project={job.project}
            to={dagPath({ name: job.dag_name, dag_id: job.dag_id }, job.job_id)}
          >
            <Name of={job.name} />
          </ProjectLink>
          <span className="soft">
            <Took from={job.started_at} to={null} />
          </span>
        </div>
      ))}
      {more > 0 ? <span className="faint">and {more} more</span> : null}
    </div>
  );
}

/** The machine's load and memory, where the worker tells them. */
export function Load({ worker: { load } }: { worker: Worker }) {
  if (!load) return <span className="faint">–</span>;
  const { memory_used_bytes: used, memory_total_bytes: total } = load;
  return (
    <div className="workers-load">
      <span title="Processes that ran or wanted to, over the last minute">
        {load.average_1m.toFixed(1)} <span className="soft">on {count(load.cores, "core")}</span>
      </span>
      <span className="soft" title="Memory in use">
        {bytes(used)} of {bytes(total)}
      </span>
    </div>
  );
}

/** How the last jobs ended, the latest first. */
export function LastMarks({ jobs }: { jobs: Worker["last_jobs"] }) {
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
      <span className="unseen">
        {count(jobs.length, "last job")}, {bad === 0 ? "all succeeded" : `${bad} of them not successful`}
      </span>
    </div>
  );
}
