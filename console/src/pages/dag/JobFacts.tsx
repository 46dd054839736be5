import type { Dag, Job } from "../../api/types";
import { Status } from "../../components/badges";
import { bytes, duration, NOTHING } from "../../components/format";
import { Fact } from "../../components/Page";
import { Duration, JobDuration, Time } from "../../components/Time";
import { exitOf } from "./dagEvents";

interface Props {
  job: Job;
  /** The number of attempts so far. */
  attempts: number;
  dag: Dag;
  onChoose: (jobId: string) => void;
}

/** The facts of a job. What does not apply has no line; unknown values are "–". */
export function JobFacts({ job, attempts, dag, onChoose }: Props) {
  const children = (dag.jobs ?? []).filter((one) => one.parents.includes(job.name)).map((one) => one.name);
  return (
    <dl className="panel-facts">
      {job.kind === "gate" ? <Decided job={job} /> : <WorkFacts job={job} attempts={attempts} />}
      <Fact name="Submitted">
        <Time at={job.submitted_at} />
      </Fact>
      <Names name="Parents" names={job.parents} dag={dag} onChoose={onChoose} />
      <Names name="Children" names={children} dag={dag} onChoose={onChoose} />
    </dl>
  );
}

function WorkFacts({ job, attempts }: Pick<Props, "job" | "attempts">) {
  return (
    <>
      <Fact name="Duration">{job.started_at ? <JobDuration job={job} /> : NOTHING}</Fact>
      {job.ended_at && attempts > 1 ? (
        <Fact name="With retries">
          <Duration from={job.started_at} to={job.ended_at} />
        </Fact>
      ) : null}
      <Fact name="Worker">{job.worker ? <bdi>{job.worker}</bdi> : NOTHING}</Fact>
      <Fact name="Requires">{job.requirement}</Fact>
      <Fact name="Priority">{job.priority}</Fact>
      {job.ended_at ? <Fact name="Exit">{exitOf(job) || NOTHING}</Fact> : null}
      {job.ended_at ? <Fact name="Peak memory">{bytes(job.peak_memory_bytes)}</Fact> : null}
      <Fact name="Script">
        <bdi className="mono">{job.filename ?? NOTHING}</bdi>
      </Fact>
      {job.args.length > 0 ? (
        <Fact name="Arguments">
          {job.args.map((argument, index) => (
            <code key={index} className="panel-chip" dir="auto">
              {argument === "" ? '""' : argument}
            </code>
          ))}
        </Fact>
      ) : null}
      {job.env.length > 0 ? (
        <Fact name="Environment">
          {job.env.map((name) => (
            <code key={name} className="panel-chip" title="Values are not shown">
              {name}
            </code>
          ))}
        </Fact>
      ) : null}
      <Limits job={job} />
    </>
  );
}

function Limits({ job }: { job: Job }) {
  return (
    <>
      {job.timeout_seconds === null ? null : <Fact name="Timeout">{duration(job.timeout_seconds * 1000)}</Fact>}
      {job.retries > 0 ? <Fact name="Retries">{job.retries}</Fact> : null}
      {job.delay_ms > 0 ? <Fact name="Delay">{duration(job.delay_ms)}</Fact> : null}
      {job.concurrency_key ? (
        <Fact name="Concurrency key">
          <bdi>{job.concurrency_key}</bdi>
        </Fact>
      ) : null}
    </>
  );
}

function Decided({ job }: { job: Job }) {
  const { decision } = job;
  if (!decision) {
    return (
      <Fact name="Opened">
        <Time at={job.ready_at} />
      </Fact>
    );
  }
  return (
    <>
      <Fact name="Decision">
        <Status of={decision.outcome} />
      </Fact>
      <Fact name="By">
        <bdi>{decision.decided_by ?? NOTHING}</bdi>
      </Fact>
      <Fact name="When">
        <Time at={decision.decided_at} />
      </Fact>
      <Fact name="Why">
        <bdi>{decision.comment ?? NOTHING}</bdi>
      </Fact>
    </>
  );
}

const FIRST = 12;

function Names({
  name,
  names,
  dag,
  onChoose,
}: { name: string; names: readonly string[] } & Omit<Props, "job" | "attempts">) {
  if (names.length === 0) return null;
  const ids = new Map((dag.jobs ?? []).map((one) => [one.name, one.job_id]));
  return (
    <Fact name={name}>
      {names.slice(0, FIRST).map((one) => {
        const id = ids.get(one);
        return id ? (
          <button key={one} type="button" className="dag-link" dir="auto" onClick={() => onChoose(id)}>
            {one}
          </button>
        ) : (
          <span key={one} dir="auto" title="Of another DAG of this run">
            {one}
          </span>
        );
      })}
      {names.length > FIRST ? <span className="faint">and {names.length - FIRST} more</span> : null}
    </Fact>
  );
}
