/** The list of what needs attention. */
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import type { Gate, InterceptView, QueueGroup, RunView } from "../../api/types";
import { Button, CopyButton } from "../../components/Button";
import { lookOf, Reasons } from "../../components/badges";
import { ErrorNotice } from "../../components/EmptyState";
import { bytes, count } from "../../components/format";
import { StageChain } from "../../components/StageChain";
import { Time } from "../../components/Time";
import { dagPath, runPath } from "../../components/url";
import type { Concerns, FailedDag } from "./concerns";

const MOST = 5; // of a kind, until expanded

/** What needs attention, most urgent first. */
export function Attention({ concerns }: { concerns: Concerns }) {
  return (
    <section aria-labelledby="attention" className="home-section">
      <h2 id="attention">
        Needs attention {concerns.total > 0 ? <span className="home-count">{concerns.total}</span> : null}
      </h2>
      {concerns.error ? <ErrorNotice of={concerns.error} onRetry={concerns.refetch} /> : null}
      {concerns.total > 0 ? <List concerns={concerns} /> : <Nothing isPending={concerns.isPending} />}
    </section>
  );
}

function Nothing({ isPending }: { isPending: boolean }) {
  if (isPending) return <p className="faint">Loading …</p>;
  return (
    <p className="home-ok">
      <span aria-hidden="true">✓</span> Nothing needs attention.
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
    <Concern tone="red" glyph="⚠" title="No worker accepts jobs" action={<Link to="/workers">Workers</Link>}>
      Jobs start as soon as a worker connects:
      <Command text={command} />
    </Concern>
  );
}

function LowDisk({ freeBytes }: { freeBytes: number }) {
  return (
    <Concern tone="red" glyph="⚠" title="The disk is nearly full" action={<Link to="/settings">Retention</Link>}>
      {bytes(freeBytes)} are free on the disk of the server's home. <code>titan clean --dry-run</code> lists what can be
      deleted.
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

function GateConcern({ gate }: { gate: Gate }) {
  const dag = { name: gate.dag_name, dag_id: gate.dag_id };
  return (
    <Concern
      tone="blue"
      glyph={lookOf("open").glyph}
      title={<span dir="auto">{gate.message}</span>}
      at={gate.opened_at}
      action={<Link to="/approvals">Decide</Link>}
    >
      Gate <bdi>{gate.name}</bdi> of{" "}
      <Link to={dagPath(dag, gate.gate_id)} dir="auto">
        {gate.dag_name}
      </Link>
      {gate.expires_at ? (
        <>
          , expires <Time at={gate.expires_at} as="age" />
        </>
      ) : null}
    </Concern>
  );
}

function RunConcern({ run }: { run: RunView }) {
  return (
    <Concern
      tone="red"
      glyph={lookOf("failed").glyph}
      title={
        <>
          Run <bdi>{run.run_id}</bdi> failed
        </>
      }
      at={run.ended_at}
      action={<Link to={runPath(run.run_id)}>Open</Link>}
    >
      {run.reason ? <p dir="auto">{run.reason}</p> : null}
      <StageChain runId={run.run_id} stages={run.stages ?? []} />
    </Concern>
  );
}

/** A run with errors, lost entries or blocked calls. */
function InterceptConcern({ intercept: { run, reasons } }: { intercept: InterceptView }) {
  const isBroken = reasons.some((reason) => reason.kind === "error");
  return (
    <Concern
      tone={isBroken ? "red" : "amber"}
      glyph={isBroken ? lookOf("failed").glyph : "⚠"}
      title={
        <>
          Run <bdi>{run.run_id}</bdi> of <bdi>{run.agent_id}</bdi>
        </>
      }
      at={run.last_event_at}
      action={<Link to={runPath(run.run_id, run.first_error_id)}>Open</Link>}
    >
      <Reasons of={reasons} />
    </Concern>
  );
}

/** A failed DAG outside runs. */
function DagConcern({ failed: { latest, times } }: { failed: FailedDag }) {
  const { tone, glyph } = lookOf(latest.status);
  const { counts } = latest;
  return (
    <Concern
      tone={tone === "purple" ? "purple" : "red"}
      glyph={glyph}
      title={
        <>
          DAG <bdi>{latest.name}</bdi> failed{latest.status === "PARTIAL" ? " in part" : ""}
          {times > 1 ? <span className="faint"> · {times} times today</span> : null}
        </>
      }
      at={latest.ended_at}
      action={<Link to={dagPath(latest)}>Open</Link>}
    >
      {counts.failed} of {count(counts.total, "job")} failed, {counts.completed} completed
    </Concern>
  );
}

interface Props {
  tone: "red" | "amber" | "blue" | "purple";
  glyph: string;
  title: ReactNode;
  children?: ReactNode;
  at?: string | null | undefined;
  action?: ReactNode;
}

/** One item: what, since when, and a link to act on it. */
function Concern({ tone, glyph, title, children, at, action }: Props) {
  return (
    <li className={`home-concern tone-${tone}`}>
      <span className="home-glyph" aria-hidden="true">
        {glyph}
      </span>
      <div className="home-text">
        <div className="home-title">{title}</div>
        {children ? <div className="soft home-about">{children}</div> : null}
      </div>
      <span className="faint home-age">{at ? <Time at={at} as="age" /> : null}</span>
      <span className="home-action">{action}</span>
    </li>
  );
}
