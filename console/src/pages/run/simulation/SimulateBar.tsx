import { Link } from "react-router";
import type { RunView } from "../../../api/recorded";
import { useLatestRuns } from "../../../api/recordedRun";
import { SELF_CHECK } from "../../../api/replays";
import { useCanChange } from "../../../api/session";
import { Button } from "../../../parts/Button";
import { useToday } from "../../../parts/clock";
import { moment } from "../../../parts/format";
import { useUrl } from "../../../parts/url";

interface Props {
  run: RunView;
  reason: string | null | undefined; // why no worker can execute the run; undefined: it is not known yet
  isStarting: boolean;
  onStart: () => void;
}

/** Starts a replay: of the run's stored code, of its recording, or against another run of its agent. */
export function SimulateBar({ run, reason, isStarting, onStart }: Props) {
  const [url, change] = useUrl();
  const today = useToday();
  const { data } = useLatestRuns(run.agent_id);
  const others = data?.filter((other) => other.run_id !== run.run_id) ?? [];
  const against = url.get("against") ?? "";
  const isListed = against === "" || against === SELF_CHECK || others.some((other) => other.run_id === against);
  return (
    <div className="row simulation-bar">
      {useCanChange() ? (
        <>
          <Button kind="main" busy={isStarting} onClick={onStart} title="r">
            Simulate Replay
          </Button>
          <label className="row">
            <span className="soft">against</span>
            <select
              className="field"
              value={against}
              onChange={(event) => change({ against: event.target.value || null })}
            >
              {reason === null ? <option value="">its stored code, executed on a worker</option> : null}
              <option value={reason === null ? SELF_CHECK : ""}>its own recording (self-check)</option>
              {isListed ? null : <option value={against}>{against}</option>}
              {others.map((other) => (
                <option key={other.run_id} value={other.run_id}>
                  {`${other.name ?? other.run_id} · ${other.status} · ${moment(Date.parse(other.started_at), today)}`}
                </option>
              ))}
            </select>
          </label>
        </>
      ) : (
        <span className="soft">Only an administrator starts replays.</span>
      )}
      <span className="faint simulation-levels">
        <Link to="/help/replay">Help</Link>
      </span>
    </div>
  );
}
