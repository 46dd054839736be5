import { useEffect } from "react";
import { Link } from "react-router";
import type { Counts, Dag } from "../../api/facts";
import { Name } from "../../parts/Name";
import { lookOf, Status } from "../../parts/Status";
import { Time, Took } from "../../parts/Time";
import { DagActions } from "./DagActions";
import { Submissions } from "./Submissions";

/** What the submission is, how far it is, and what can be done with it. */
export function DagHeader({ dag }: { dag: Dag }) {
  useEffect(() => {
    document.title = `${dag.name} · Titan`;
  }, [dag.name]);
  return (
    <header className="dag-header">
      <div className="dag-title">
        <h1 className="whole" dir="auto">
          {dag.name}
        </h1>
        <Status of={dag.status} pulse={dag.status === "RUNNING"} />
      </div>
      <div className="dag-actions row">
        <Submissions dag={dag} />
        <DagActions dag={dag} />
      </div>
      <div className="dag-facts">
        <Pills counts={dag.counts} />
        <span className="soft">
          Submitted <Time at={dag.submitted_at} />
        </span>
        {dag.started_at ? (
          <span className="soft">
            Took <Took from={dag.started_at} to={dag.ended_at} />
          </span>
        ) : null}
        {dag.agent_run_id ? (
          <span className="soft dag-run">
            Run{" "}
            <Link className="cut" to={`/agents?q=${encodeURIComponent(dag.agent_run_id)}`} title={dag.agent_run_id}>
              <Name of={dag.agent_run_id} />
            </Link>
          </span>
        ) : null}
      </div>
    </header>
  );
}

const PILLS = [
  ["completed", "COMPLETED"],
  ["running", "RUNNING"],
  ["failed", "FAILED"],
  ["waiting_approval", "WAITING_APPROVAL"],
  ["ready", "READY"],
  ["waiting", "WAITING"],
  ["cancelled", "CANCELLED"],
] as const;

/** How many jobs have which status, as numbers and as one bar. */
function Pills({ counts }: { counts: Counts }) {
  const shown = PILLS.filter(([field]) => counts[field] > 0);
  return (
    <div className="dag-pills">
      <span className="dag-bar" aria-hidden="true">
        {shown.map(([field, status]) => (
          <span
            key={field}
            className={`tone-${lookOf(status).tone}`}
            data-status={status}
            style={{ flexGrow: counts[field] }}
          />
        ))}
      </span>
      <ul>
        {shown.map(([field, status]) => {
          const { tone, glyph, word } = lookOf(status);
          return (
            <li key={field} className={`tone-${tone}`}>
              <span aria-hidden="true">{glyph}</span> {counts[field]} {word.toLowerCase()}
            </li>
          );
        })}
        <li className="dag-pills-total">of {counts.total}</li>
      </ul>
    </div>
  );
}
