import { Link } from "react-router";
import { type Determinism, reportPath, useDeterminism } from "../../../api/determinism";
import type { RunView } from "../../../api/recorded";
import { Empty } from "../../../parts/Empty";
import { Failure } from "../../../parts/Failure";
import { AcceptedElsewhere } from "./AcceptedElsewhere";
import { Issues } from "./Issues";
import { Score } from "./Score";
import { Sources } from "./Sources";
import "./determinism.css";

interface Props {
  run: RunView;
  onShow: (action: string) => void;
  onSimulate: (replay: string | null) => void;
}

/** How reproducible a run is, predicted and measured, what makes its executions differ, and how to fix that. */
export function DeterminismTab({ run, onShow, onSimulate }: Props) {
  const { data, error, refetch } = useDeterminism(run);
  if (error && !data) return <Failure of={error} again={refetch} />;
  if (!data) return <p className="faint">Reading …</p>;
  return (
    <div className="determinism">
      <div className="determinism-top">
        {data.score === null || data.band === null ? (
          <NoScore of={data} />
        ) : (
          <Score score={data.score} band={data.band} source={data.source} />
        )}
        <div className="row determinism-tools">
          <Link to="/help/determinism">Help</Link>
          <a className="button" href={reportPath(run.run_id, "json")} download>
            Report as JSON
          </a>
          <a className="button" href={reportPath(run.run_id, "html")} download>
            Report
          </a>
        </div>
      </div>
      {run.status === "running" ? (
        <p className="soft" role="status">
          The run has not ended: this is what its calls show so far.
        </p>
      ) : null}
      <Sources run={run.run_id} of={data} onSimulate={onSimulate} />
      <p className="determinism-honest soft">
        Automated analysis may miss issues, and some non-determinism is acceptable, such as a timestamp in a log.{" "}
        <Link to="/help/troubleshooting#determinism-score">Score seems wrong?</Link>{" "}
        <button type="button" className="determinism-link" onClick={() => onSimulate(null)}>
          Check divergences in Simulation
        </button>
      </p>
      <Issues run={run.run_id} of={data.issues} onShow={onShow} />
      <AcceptedElsewhere run={run.run_id} of={data} />
    </div>
  );
}

const REASONS: Record<NonNullable<Determinism["unavailable"]>, { why: string; what: string }> = {
  no_calls: {
    why: "The run made no calls that were recorded.",
    what: "Record its functions with titan_sdk.action, or send its traces.",
  },
  outputs_missing: {
    why: "The inputs and outputs of its calls are not stored.",
    what: "Content capture was off, or the source does not report them.",
  },
};

function NoScore({ of: { unavailable } }: { of: Determinism }) {
  const reason = unavailable === null ? null : REASONS[unavailable];
  return (
    <Empty title="No determinism score">
      {reason ? (
        <>
          {reason.why} {reason.what} <code>{unavailable}</code>
        </>
      ) : null}
    </Empty>
  );
}
