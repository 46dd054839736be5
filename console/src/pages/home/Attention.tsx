import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import type { QueueGroup } from "../../api/facts";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { Failure } from "../../parts/Failure";
import { bytes, count } from "../../parts/format";
import { Concern } from "./Concern";
import { DagConcern, GateConcern, InterceptConcern, RunConcern } from "./Told";
import type { Concerns } from "./useConcerns";

const MOST = 5; // of a kind, until somebody asks for the rest

/** What needs somebody now, the most pressing first; says so when nothing does. */
export function Attention({ concerns }: { concerns: Concerns }) {
  return (
    <section aria-labelledby="attention" className="home-section">
      <h2 id="attention">
        Needs attention {concerns.total > 0 ? <span className="home-count">{concerns.total}</span> : null}
      </h2>
      {concerns.error ? <Failure of={concerns.error} again={concerns.refetch} /> : null}
      {concerns.total > 0 ? <List concerns={concerns} /> : <Nothing isPending={concerns.isPending} />}
    </section>
  );
}

function Nothing({ isPending }: { isPending: boolean }) {
  if (isPending) return <p className="faint">Loading …</p>;
  return (
    <p className="home-well">
      <span aria-hidden="true">✓</span> Nothing needs you now.
    </p>
  );
}

function List({ concerns }: { concerns: Concerns }) {
  return (
    <ul className="card home-list">
      {concerns.hasNoWorker ? <NoWorker /> : null}
      {concerns.lowDisk ? <LowDisk freeBytes={concerns.lowDisk.freeBytes} /> : null}
      <Some of={concerns.gates} what="gates">
        {(gate) => <GateConcern key={gate.gate_id} gate={gate} />}
      </Some>
      {concerns.unroutable.map((group) => (
        <NoOffer key={group.name} group={group} />
      ))}
      <Some of={concerns.runs} what="failed runs">
        {(run) => <RunConcern key={run.run_id} run={run} />}
      </Some>
      <Some of={concerns.intercepts} what="runs">
        {(intercept) => <InterceptConcern key={intercept.run.run_id} intercept={intercept} />}
      </Some>
      <Some of={concerns.dags} what="failed DAGs">
        {(failed) => <DagConcern key={failed.latest.dag_id} failed={failed} />}
      </Some>
    </ul>
  );
}

function Some<One>({ of, what, children }: { of: readonly One[]; what: string; children: (one: One) => ReactNode }) {
  const [isWhole, setIsWhole] = useState(false);
  const rest = of.length - MOST;
  return (
    <>
      {(isWhole || rest <= 1 ? of : of.slice(0, MOST)).map(children)}
      {!isWhole && rest > 1 ? (
        <li className="home-rest">
          <Button kind="quiet" onClick={() => setIsWhole(true)}>
            {rest} more {what}
          </Button>
        </li>
      ) : null}
    </>
  );
}

function NoWorker() {
  const command = `titan workers join ${window.location.origin}`;
  return (
    <Concern tone="red" glyph="⚠" title="No worker takes jobs" action={<Link to="/workers">Workers</Link>}>
      None is connected that does not drain. Jobs start as soon as one is:
      <Command text={command} />
    </Concern>
  );
}

function LowDisk({ freeBytes }: { freeBytes: number }) {
  return (
    <Concern tone="red" glyph="⚠" title="The disk is nearly full" action={<Link to="/settings">Retention</Link>}>
      {bytes(freeBytes)} are free where the server keeps its home. <code>titan clean --dry-run</code> says what may go.
    </Concern>
  );
}

function NoOffer({ group }: { group: QueueGroup }) {
  const { waits_for: why, requirement, confined_to: token, count: jobs } = group;
  const label = token ? `${requirement} with token ${token}` : requirement;
  const [first] = group.jobs;
  const command = `titan workers join ${window.location.origin} --offer ${requirement}:1`;
  return (
    <Concern
      tone="amber"
      glyph="⚠"
      title={why === "draining" ? `Every worker that offers ${label} is draining` : `No worker offers ${label}`}
      action={<Link to="/workers">Workers</Link>}
      at={group.since}
    >
      {count(jobs, "job")} wait{jobs === 1 ? "s" : ""} for it
      {first ? (
        <>
          {jobs === 1 ? ": " : ", for example "}
          <bdi>{first.name}</bdi> of <bdi>{first.dag_name}</bdi>
        </>
      ) : null}
      .
      {token ? " They were submitted from a worker with that token, which is not trusted." : <Command text={command} />}
    </Concern>
  );
}

function Command({ text }: { text: string }) {
  return (
    <div className="home-do">
      <code>{text}</code>
      <CopyButton text={text} />
    </div>
  );
}
