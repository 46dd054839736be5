import { Link } from "react-router";
import type { RunView } from "../../../api/recorded";
import { useRunDetails } from "../../../api/recordedRun";
import { Dialog } from "../../../parts/Dialog";
import { Failure } from "../../../parts/Failure";
import { Name } from "../../../parts/Name";
import { runPath } from "../../../parts/url";
import { Part } from "../inspector/Details";

/** What was told of a run beside its words: resource attributes, the result of a replay, a traceback. It is read when it is looked at. */
export function RunDetails({ run, onClose }: { run: RunView; onClose: () => void }) {
  const { data, error, refetch } = useRunDetails(run.run_id);
  return (
    <Dialog title="What else was told of this run" onClose={onClose} wide>
      {error ? <Failure of={error} again={refetch} /> : null}
      {data || error ? null : <p className="faint">Reading …</p>}
      {data?.map((told) => (
        <Told key={JSON.stringify(told)} of={told} onGo={onClose} />
      ))}
    </Dialog>
  );
}

/** What one of those who told of the run said, part by part. */
function Told({ of, onGo }: { of: Record<string, unknown>; onGo: () => void }) {
  const { replay_of: replayed, ...parts } = of;
  return (
    <section className="run-part">
      {typeof replayed === "string" ? (
        <p>
          A replay of{" "}
          <Link to={runPath(replayed)} onClick={onGo}>
            <Name of={replayed} />
          </Link>
        </p>
      ) : null}
      {Object.entries(parts).map(([name, value]) => (
        <Part key={name} name={name} value={value} isOpen />
      ))}
    </section>
  );
}
