import { Link } from "react-router";
import type { RunView } from "../../../api/recorded";
import { useLatestRuns } from "../../../api/recordedRun";
import { Dialog } from "../../../parts/Dialog";
import { Failure } from "../../../parts/Failure";
import { Name } from "../../../parts/Name";
import { Status } from "../../../parts/Status";
import { Time } from "../../../parts/Time";

/** Asks which run to compare with: the latest of the same agent. */
export function CompareDialog({ run, onClose }: { run: RunView; onClose: () => void }) {
  const { data, error, refetch } = useLatestRuns(run.agent_id);
  const others = data?.filter((other) => other.run_id !== run.run_id);
  return (
    <Dialog title="Compare with" onClose={onClose} wide>
      {error ? <Failure of={error} again={refetch} /> : null}
      {others ? null : <p className="faint">Reading …</p>}
      {others?.length === 0 ? <p className="soft">This agent has no other run.</p> : null}
      <ul className="run-others">
        {others?.map((other) => (
          <li key={other.run_id}>
            <Link
              className="run-menu-item"
              to={`/runs/compare?${new URLSearchParams({ a: run.run_id, b: other.run_id })}`}
              onClick={onClose}
            >
              <Status of={other.status} small />
              <Name of={other.name ?? other.run_id} />
              <span className="faint">
                <Time at={other.started_at} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
      <p className="soft">
        Runs of other agents: choose two <Link to="/runs">in the list of runs</Link>.
      </p>
    </Dialog>
  );
}
