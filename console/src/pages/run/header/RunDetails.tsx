import { Link } from "react-router";
import type { RunView } from "../../../api/recorded";
import { useRunDetails } from "../../../api/recordedRun";
import { Dialog } from "../../../parts/Dialog";
import { Failure } from "../../../parts/Failure";
import { Name } from "../../../parts/Name";
import { runPath } from "../../../parts/url";
import { Part } from "../inspector/Details";

/** The details of a run: resource attributes, the result of a replay, a traceback. Fetched when it opens. */
export function RunDetails({ run, onClose }: { run: RunView; onClose: () => void }) {
  const { data, error, refetch } = useRunDetails(run.run_id);
  return (
    <Dialog title="Details of this run" onClose={onClose} wide>
      {error ? <Failure of={error} again={refetch} /> : null}
      {data || error ? null : <p className="faint">Reading …</p>}
      {data?.map((details) => (
        <Source key={JSON.stringify(details)} of={details} onGo={onClose} />
      ))}
    </Dialog>
  );
}

/** The details that one source reported, part by part. */
function Source({ of, onGo }: { of: Record<string, unknown>; onGo: () => void }) {
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
