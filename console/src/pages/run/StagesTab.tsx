import { Link } from "react-router";
import type { RecordedRunView } from "../../api/recorded";
import { useRun } from "../../api/runs";
import { Failure } from "../../parts/Failure";
import { StageChain } from "../../parts/StageChain";
import { RunDetails } from "../agents/RunDetails";
import "../agents/agents.css";

/** The stages that a run submitted as DAGs, with the jobs of each. */
export function StagesTab({ run }: { run: RecordedRunView }) {
  const { data, error, refetch } = useRun(run.run_id);
  if (error && !data) return <Failure of={error} again={refetch} />;
  if (!data) return <p className="faint">Reading …</p>;
  return (
    <div className="run-stages">
      <div className="row">
        <StageChain runId={run.run_id} stages={data.stages ?? []} isWhole />
        <Link to={`/agents?q=${encodeURIComponent(run.run_id)}`}>In Agent Runs</Link>
      </div>
      <RunDetails run={data} />
    </div>
  );
}
