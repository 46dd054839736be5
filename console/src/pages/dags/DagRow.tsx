import { memo } from "react";
import { Link } from "react-router";
import type { Dag } from "../../api/facts";
import { NOTHING } from "../../parts/format";
import { JobsBar } from "../../parts/JobsBar";
import { Name } from "../../parts/Name";
import { Cell } from "../../parts/RowList";
import { Status } from "../../parts/Status";
import { Time, Took } from "../../parts/Time";
import { dagPath } from "../../parts/url";

/** The cells of a submission. Drawn again only when it changed. */
export const DagRow = memo(function DagRow({ dag }: { dag: Dag }) {
  return (
    <>
      <Cell className="dags-cell cut">
        <Link to={dagPath(dag)} className="dags-name" title={dag.name}>
          <Name of={dag.name} />
        </Link>
      </Cell>
      <Cell>
        <Status of={dag.status} pulse={dag.status === "RUNNING"} />
      </Cell>
      <Cell className="dags-jobs">
        <JobsBar counts={dag.counts} />
      </Cell>
      <Cell className="dags-run cut">
        {dag.agent_run_id ? (
          <Link to={`/agents?q=${encodeURIComponent(dag.agent_run_id)}`} title={dag.agent_run_id}>
            <Name of={dag.agent_run_id} />
          </Link>
        ) : (
          <span className="faint">{NOTHING}</span>
        )}
      </Cell>
      <Cell className="dags-since num">
        <Time at={dag.submitted_at} />
      </Cell>
      <Cell className="num">
        <Took from={dag.started_at} to={dag.ended_at} />
      </Cell>
    </>
  );
});
