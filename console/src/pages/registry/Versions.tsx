/** Trends of an agent, and its versions compared. */

import { Link } from "react-router";
import type { Schemas } from "../../api/client";
import { type AgentVersion, useAgentVersions } from "../../api/replays";
import type { OriginChoice, TrendView } from "../../api/types";
import { DeterminismScore } from "../../components/badges";
import { ErrorNotice } from "../../components/EmptyState";
import { NOTHING } from "../../components/format";
import { Time } from "../../components/Time";
import { useUrl } from "../../components/url";

const FIGURES: Record<TrendView["figure"], { name: string; goodWay: "up" | "down" }> = {
  success_rate: { name: "Success rate", goodWay: "up" },
  cost_per_run: { name: "Cost per run", goodWay: "down" },
  determinism: { name: "Determinism", goodWay: "up" },
};

const VERDICTS: Record<TrendView["verdict"], { glyph: string; word: string }> = {
  up: { glyph: "↗", word: "up" },
  down: { glyph: "↘", word: "down" },
  same: { glyph: "→", word: "unchanged" },
  too_few: { glyph: "?", word: "not enough data" },
  unpriced: { glyph: "?", word: "some costs are unknown" },
};

/** Changes over the last seven days, where there is enough data. */
export function Trends({ of }: { of: readonly TrendView[] }) {
  return (
    <section className="stack" aria-labelledby="trends">
      <h2 id="trends">Last 7 days, compared with the 7 before</h2>
      <ul className="registry-trends">
        {of.map((trend) => {
          const { name, goodWay } = FIGURES[trend.figure];
          const { glyph, word } = VERDICTS[trend.verdict];
          const isMoved = trend.verdict === "up" || trend.verdict === "down";
          const tone = !isMoved ? "grey" : trend.verdict === goodWay ? "green" : "red";
          return (
            <li key={trend.figure} className={`card tone-${tone}`}>
              <h3>{name}</h3>
              <span className="registry-verdict">
                <span aria-hidden="true">{glyph}</span> {word}
              </span>
              <span className="soft">{trend.text}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const NUMBER = new Intl.NumberFormat("en-US");
const SHORT = 12; // digits of a digest

/** An agent's code versions with the determinism of their runs, and a comparison of two. */
export function Versions({ agent, origin }: { agent: string; origin: OriginChoice }) {
  const [url, change] = useUrl();
  const { data, error, refetch } = useAgentVersions(agent, origin, url.get("before"), url.get("after"));
  const difference = data?.difference ?? null;
  const isChosen = (side: "before" | "after", digest: string) => {
    const named = url.get(side); // at once, before the server has compared them
    return named === null ? difference?.[side] === digest : digest.startsWith(named);
  };
  return (
    <section className="stack" aria-labelledby="versions">
      <h2 id="versions">Determinism by code version</h2>
      {error && !data ? <ErrorNotice of={error} onRetry={refetch} /> : null}
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

interface Props {
  of: Schemas["VersionDifferenceView"];
  all: readonly AgentVersion[];
}

/** The difference between the scores of two versions. */
function VersionDifference({ of, all }: Props) {
  const { glyph, word } = VERDICTS[of.verdict];
  const tone = of.verdict === "up" ? "green" : of.verdict === "down" ? "red" : "grey";
  const change = of.change === null ? "" : ` (${of.change > 0 ? "+" : ""}${of.change.toFixed(1)})`;
  return (
    <p className={`card registry-difference tone-${tone}`} role="status">
      <span>
        <code>{of.before.slice(0, 12)}</code> → <code>{of.after.slice(0, 12)}</code>
        {all.length > 2 ? <span className="faint"> selected below</span> : null}
      </span>
      <span className="registry-verdict">
        <span aria-hidden="true">{glyph}</span> {word}
        {change}
      </span>
      <span className="soft">{of.text}</span>
    </p>
  );
}
