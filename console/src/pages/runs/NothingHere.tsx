import { Link } from "react-router";
import type { ElsewhereView } from "../../api/recorded";
import { ALL_RUNS, type RegistryFilter } from "../../api/registryFilter";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { Failure } from "../../parts/Failure";
import { count } from "../../parts/format";
import { useUrl } from "../../parts/url";
import { inWindow } from "../../parts/windows";
import { FirstRun } from "./FirstRun";
import { fieldsOf, isUnfiltered } from "./filter";

interface Props {
  found: { isError: boolean; isPending: boolean; error: unknown; refetch: () => unknown };
  filter: RegistryFilter;
  elsewhere: ElsewhereView | null;
}

/** What stands where no run is found: how to record one or, where there are some, where else they are. */
export function NothingHere({ found, filter, elsewhere }: Props) {
  const [, change] = useUrl();
  if (found.isError) return <Failure of={found.error} again={found.refetch} />;
  if (found.isPending) return <p className="faint">Loading …</p>;
  const ever = elsewhere?.in_all_time ?? 0;
  if (isUnfiltered(filter) && ever === 0) return <FirstRun />;
  const agents = elsewhere?.similar_agents ?? [];
  return (
    <Empty title={isUnfiltered(filter) ? `No run ${inWindow(filter.window)}` : "No run matches"}>
      <div className="runs-offers">
        {ever > 0 && filter.window !== "all" ? (
          <p>
            <Button kind="main" onClick={() => change(fieldsOf({ window: "all" }))}>
              Show all time: {count(ever, "run")}
            </Button>
          </p>
        ) : null}
        {agents.length > 0 ? (
          <p>
            There is no agent <b dir="auto">{filter.agent || filter.q}</b>. Did you mean{" "}
            {agents.map((agent) => (
              <Button key={agent} onClick={() => change(fieldsOf({ agent, q: "" }))}>
                <bdi>{agent}</bdi>
              </Button>
            ))}
          </p>
        ) : null}
        {isUnfiltered(filter) ? null : (
          <p>
            <Button onClick={() => change(fieldsOf(ALL_RUNS))}>Show all runs</Button>
          </p>
        )}
        <p>
          <Link to="/help/troubleshooting#find-run">Can't find my run</Link>
        </p>
      </div>
    </Empty>
  );
}
