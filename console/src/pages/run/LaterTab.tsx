import { Link } from "react-router";
import type { RecordedRunView } from "../../api/recorded";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { replayObstacle } from "./runPage";

/** Says of a tab whose machinery is not built yet what it will show, and what stands in its way for this very run. */
export function LaterTab({ tab, run }: { tab: "simulation" | "determinism"; run: RecordedRunView }) {
  const obstacle = replayObstacle(run);
  if (tab === "determinism") {
    return (
      <Empty title="Determinism comes with a later version">
        <p>
          It will say which actions of this run would give something else another time, and why: times, random values,
          ids, the order of sets. Nothing was measured for this run, so there is no score.
        </p>
        <p>
          <Link to="/help/determinism">What makes runs differ</Link>
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="Simulation comes with a later version">
      <p>
        It will run this agent again with every action answered from the recording, and show where the new run differs.
        Nothing was replayed, so there are no figures.
      </p>
      <p className="run-later">
        <Button disabled title="Not in this version">
          Simulate Replay <kbd>r</kbd>
        </Button>
      </p>
      <p>
        {obstacle ? (
          <>
            This run could not be replayed then either. <strong>{obstacle}</strong>{" "}
          </>
        ) : (
          "The run is complete. Its recording has what went in and came out, but for what was redacted: that is nowhere, so nothing could be answered with it. "
        )}
        <Link to="/help/replay">What a replay needs</Link>
      </p>
    </Empty>
  );
}
