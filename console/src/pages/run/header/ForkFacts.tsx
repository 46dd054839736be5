import { Link } from "react-router";
import type { RunView } from "../../../api/recorded";
import { useForks } from "../../../api/recordedRun";
import { Name } from "../../../parts/Name";
import { Status } from "../../../parts/Status";
import { runPath } from "../../../parts/url";
import { Fact } from "./Fact";

/** Which run this one is a fork of and where, and its own forks. */
export function ForkFacts({ run }: { run: RunView }) {
  const { data: forks } = useForks(run.run_id);
  return (
    <>
      {run.parent_run_id ? (
        <Fact name="Fork of">
          <Link className="run-short" to={runPath(run.parent_run_id)} title={run.parent_run_id}>
            <Name of={run.parent_run_id} />
          </Link>
          {run.forked_at_action_id ? (
            <Link to={runPath(run.parent_run_id, run.forked_at_action_id)} title={run.forked_at_action_id}>
              at this action
            </Link>
          ) : null}
        </Fact>
      ) : null}
      {forks && forks.length > 0 ? (
        <Fact name="Forks">
          {forks.map((fork) => (
            <Link key={fork.run_id} className="run-short" to={runPath(fork.run_id)} title={fork.run_id}>
              <Status of={fork.status} small /> <Name of={fork.name ?? fork.run_id} />
            </Link>
          ))}
        </Fact>
      ) : null}
    </>
  );
}
