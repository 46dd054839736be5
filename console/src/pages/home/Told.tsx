import { Link } from "react-router";
import type { Gate } from "../../api/facts";
import type { InterceptView, RunView } from "../../api/recorded";
import { count } from "../../parts/format";
import { Reasons } from "../../parts/Reasons";
import { StageChain } from "../../parts/StageChain";
import { lookOf } from "../../parts/Status";
import { Time } from "../../parts/Time";
import { dagPath, runPath } from "../../parts/url";
import { Concern } from "./Concern";
import type { FailedDag } from "./concerns";

/** A gate that waits for a decision. */
export function GateConcern({ gate }: { gate: Gate }) {
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

/** A run that failed. */
export function RunConcern({ run }: { run: RunView }) {
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
      action={<Link to={runPath(run.run_id)}>Look</Link>}
    >
      {run.reason ? <p dir="auto">{run.reason}</p> : null}
      <StageChain runId={run.run_id} stages={run.stages ?? []} />
    </Concern>
  );
}

/** A recorded run that broke, cost too much or was often stopped. */
export function InterceptConcern({ intercept: { run, reasons } }: { intercept: InterceptView }) {
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
      action={<Link to={runPath(run.run_id, run.first_error_id)}>Look</Link>}
    >
      <Reasons of={reasons} />
    </Concern>
  );
}

/** A DAG that failed, wholly or in part, and belongs to no run. */
export function DagConcern({ failed: { latest, times } }: { failed: FailedDag }) {
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
      action={<Link to={dagPath(latest)}>Look</Link>}
    >
      {counts.failed} of {count(counts.total, "job")} failed, {counts.completed} completed
    </Concern>
  );
}
