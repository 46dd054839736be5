import { Link } from "react-router";
import { useDag } from "../../api/dags";
import { useRun } from "../../api/run";
import type { Dag, RunView } from "../../api/types";
import { ErrorNotice } from "../../components/EmptyState";
import { StageChain } from "../../components/StageChain";
import { dagPath } from "../../components/url";
import { RunDetails, StageCard } from "../agents/StageCards";
import "../agents/agents.css";

interface Props {
  run: RunView;
  /** The DAG whose jobs recorded the run; null for a run of its own. */
  own: Dag | null;
  /** Whether that is still loading. */
  isUndecided: boolean;
}

/** The stages of a run with their jobs, or the jobs that recorded it. */
export function StagesTab({ run, own, isUndecided }: Props) {
  if (isUndecided) return <p className="faint">Loading …</p>;
  return own ? <OwnJobs dag={own} /> : <Stages run={run} />;
}

/** The jobs that recorded the run. */
function OwnJobs({ dag: { dag_id: id } }: { dag: Dag }) {
  const { data, error, refetch } = useDag(id);
  if (error && !data) return <ErrorNotice of={error} onRetry={refetch} />;
  if (!data) return <p className="faint">Loading …</p>;
  const isOne = data.jobs?.length === 1;
  return (
    <div className="run-stages">
      <div className="row">
        <p className="soft">Recorded by {isOne ? "one job" : "the jobs of one DAG"}, without stages.</p>
        <Link to={dagPath(data)}>Graph, timeline and files</Link>
      </div>
      <div className="agents-details">
        <div className="agents-cards">
          <StageCard stage={data} />
        </div>
      </div>
    </div>
  );
}

function Stages({ run }: { run: RunView }) {
  const { data, error, refetch } = useRun(run.run_id);
  if (error && !data) return <ErrorNotice of={error} onRetry={refetch} />;
  if (!data) return <p className="faint">Loading …</p>;
  return (
    <div className="run-stages">
      <div className="row">
        <StageChain runId={run.run_id} stages={data.stages ?? []} isWhole />
      </div>
      <RunDetails run={data} isBrief />
    </div>
  );
}
