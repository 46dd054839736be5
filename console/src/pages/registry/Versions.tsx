import { Link } from "react-router";
import { type AgentVersion, useAgentVersions } from "../../api/determinism";
import { DeterminismScore } from "../../parts/DeterminismScore";
import { Failure } from "../../parts/Failure";
import { NOTHING } from "../../parts/format";
import { Time } from "../../parts/Time";
import { useUrl } from "../../parts/url";
import { VersionDifference } from "./VersionDifference";

const NUMBER = new Intl.NumberFormat("en-US");
const SHORT = 12; // digits of a digest

/** An agent's versions by their code, with the determinism of their runs; two of them compared. */
export function Versions({ agent }: { agent: string }) {
  const [url, change] = useUrl();
  const { data, error, refetch } = useAgentVersions(agent, url.get("before"), url.get("after"));
  const difference = data?.difference ?? null;
  const isChosen = (side: "before" | "after", digest: string) => {
    const named = url.get(side); // at once, before the server has compared the two
    return named === null ? difference?.[side] === digest : digest.startsWith(named);
  };
  return (
    <section className="stack" aria-labelledby="versions">
      <h2 id="versions">Determinism by version of the code</h2>
      {error && !data ? <Failure of={error} again={refetch} /> : null}
      {data?.data.length === 0 ? (
        <p className="soft">
          No run of this agent reported its code.{" "}
          <Link to="/help/determinism#versions">How versions are distinguished</Link>
        </p>
      ) : null}
      {difference ? <VersionDifference of={difference} all={data?.data ?? []} /> : null}
      {data && data.data.length > 0 ? (
        <div className="card registry-errors">
          <table>
            <thead>
              <tr>
                <th scope="col">Before</th>
                <th scope="col">After</th>
                <th scope="col">Version</th>
                <th scope="col" className="num">
                  Runs
                </th>
                <th scope="col" className="num">
                  Mean score
                </th>
                <th scope="col" className="num">
                  95 % interval
                </th>
                <th scope="col">First run</th>
                <th scope="col">Last run</th>
              </tr>
            </thead>
            <tbody>
              {data.data.map((version) => (
                <tr key={version.digest}>
                  {(["before", "after"] as const).map((side) => (
                    <td key={side}>
                      <input
                        type="radio"
                        name={side}
                        aria-label={`${version.digest.slice(0, SHORT)} as ${side}`}
                        checked={isChosen(side, version.digest)}
                        onChange={() => change({ [side]: version.digest.slice(0, SHORT) })}
                      />
                    </td>
                  ))}
                  <VersionCells of={version} />
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}

function VersionCells({ of }: { of: AgentVersion }) {
  return (
    <>
      <td className="mono" title={of.digest}>
        {of.digest.slice(0, SHORT)}
      </td>
      <td className="num" title={`${NUMBER.format(of.scored)} with a score`}>
        {NUMBER.format(of.runs)}
      </td>
      <td className="num">
        <DeterminismScore of={of.mean} digits={1} />
      </td>
      <td className="num" title={of.interval ? undefined : "Fewer than 3 runs have a score"}>
        {of.interval ? `${of.interval.low.toFixed(0)}–${of.interval.high.toFixed(0)}` : NOTHING}
      </td>
      <td>
        <Time at={of.first_at} />
      </td>
      <td>
        <Time at={of.last_at} />
      </td>
    </>
  );
}
