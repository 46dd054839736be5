import { Link } from "react-router";
import { ALL_RUNS, useAgentStats, useRegistry } from "../../api/registry";
import type { AgentStatsView, ErrorTypeView, OriginChoice, TrendDay } from "../../api/types";
import { BANDS, bandOf, CompletedRuns, RunBadge } from "../../components/badges";
import { SpentCost } from "../../components/Cost";
import { ErrorNotice } from "../../components/EmptyState";
import { OriginControl, originIn } from "../../components/fields";
import { count } from "../../components/format";
import { Name } from "../../components/links";
import { sum } from "../../components/money";
import { Fact, Page } from "../../components/Page";
import { Duration, Time, useNow } from "../../components/Time";
import { runPath, useIdInPath, useUrl } from "../../components/url";
import { Trends, Versions } from "./Versions";
import "./registry.css";

const NUMBER = new Intl.NumberFormat("en-US");
const MOST_RUNS = 8;

interface Props {
  agent: string;
  origin: OriginChoice;
}

/** The page of an agent: totals, trends, days, errors and latest runs. */
export function AgentPage() {
  const agent = useIdInPath();
  const [query, change] = useUrl();
  const origin = originIn(query);
  const found = useAgentStats(agent, origin);
  return (
    <Page
      title={agent}
      aside={
        <div className="row">
          <OriginControl chosen={origin} onChange={change} />
          <Links agent={agent} origin={origin} />
        </div>
      }
    >
      {found.isError && !found.data ? <ErrorNotice of={found.error} onRetry={found.refetch} /> : null}
      {found.isPending ? <p className="faint">Loading …</p> : null}
      {found.data ? <Stats of={found.data} origin={origin} /> : null}
      {found.data ? <Versions agent={agent} origin={origin} /> : null}
      <Latest agent={agent} origin={origin} />
    </Page>
  );
}

function Links({ agent, origin }: Props) {
  const query = new URLSearchParams({ agent_id: agent, ...(origin !== "production" && { origin }) });
  return (
    <div className="row">
      <Link to="/registry">All agents</Link>
      <Link to={`/runs?${query}&window=all`}>Runs</Link>
      <Link to={`/ledger?${query}`}>Actions</Link>
    </div>
  );
}

function Stats({ of, origin }: { of: AgentStatsView; origin: OriginChoice }) {
  const { agent } = of;
  const cancelled = agent.runs - agent.running - agent.completed - agent.failed; // every recorded run has one of these statuses
  return (
    <>
      <dl className="registry-figures">
        <Fact name="Runs">{NUMBER.format(agent.runs)}</Fact>
        <Fact name="Running">{NUMBER.format(agent.running)}</Fact>
        <Fact name="Completed">
          <CompletedRuns of={agent} />
        </Fact>
        <Fact name="Failed">{NUMBER.format(agent.failed)}</Fact>
        {cancelled > 0 ? <Fact name="Cancelled">{NUMBER.format(cancelled)}</Fact> : null}
        <Fact name="Cost">
          <SpentCost of={agent} />
        </Fact>
        <Fact name="First seen">
          <Time at={agent.first_seen_at} />
        </Fact>
        <Fact name="Last seen">
          <Time at={agent.last_seen_at} />
        </Fact>
        {agent.registered.map((one) => (
          <Fact key={one.version} name={one.workflow ? `Registered in ${one.workflow}` : "Registered"}>
            version {one.version}, {one.kind}
          </Fact>
        ))}
      </dl>
      <Trends of={of.trends} />
      <Days of={of.days} />
      <DeterminismDays of={of.days} agent={agent.agent_id} origin={origin} />
      <Errors of={of.errors} />
    </>
  );
}

function Latest({ agent, origin }: Props) {
  const { runs } = useRegistry({ ...ALL_RUNS, window: "all", origin, agent });
  return runs.length === 0 ? null : (
    <section className="stack" aria-labelledby="latest">
      <h2 id="latest">Latest runs</h2>
      <ul className="card registry-latest">
        {runs.slice(0, MOST_RUNS).map((run) => (
          <li key={run.run_id}>
            <RunBadge run={run} />
            <span className="registry-run">
              <Link to={runPath(run.run_id)} className="truncate" title={run.run_id}>
                <Name of={run.name ?? run.run_id} />
              </Link>
              {run.name ? (
                <span className="registry-run-id truncate faint">
                  <Name of={run.run_id} />
                </span>
              ) : null}
            </span>
            <span className="num">
              <SpentCost of={run.tally} />
            </span>
            <span className="num">
              <Duration from={run.started_at} to={run.ended_at} />
            </span>
            <span className="num faint">
              <Time at={run.started_at} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** An agent's runs per day, with failed ones at the bottom of each bar. */
function Days({ of }: { of: readonly TrendDay[] }) {
  const days = everyDay(of, useNow());
  const most = Math.max(1, ...days.map((day) => day.runs));
  return (
    <section className="stack" aria-labelledby="days">
      <h2 id="days">Runs by day (UTC)</h2>
      <ol className="card registry-days">
        {days.map((day) => (
          <li key={day.day} title={wordsOf(day)}>
            <span className="sr-only">{wordsOf(day)}</span>
            <span className="registry-bar" aria-hidden="true" style={{ height: `${(day.runs / most) * 100}%` }}>
              <span style={{ height: `${day.runs ? (day.failed / day.runs) * 100 : 0}%` }} />
            </span>
          </li>
        ))}
      </ol>
      <p className="faint registry-axis">
        <span>{days[0]?.day}</span>
        <span>at most {count(most, "run")} a day; red: failed</span>
        <span>{days.at(-1)?.day}</span>
      </p>
    </section>
  );
}

function wordsOf(day: TrendDay): string {
  return `${day.day}: ${count(day.runs, "run")}, ${day.completed} completed, ${day.failed} failed, ${sum(day)}`;
}

/** The mean determinism score per day, coloured by band; nothing without scores. */
function DeterminismDays({ of, agent, origin }: Props & { of: readonly TrendDay[] }) {
  const days = everyDay(of, useNow());
  if (days.every((day) => day.determinism === null)) return null;
  const below = new URLSearchParams({ agent_id: agent, window: "all", determinism_below: "70", origin });
  return (
    <section className="stack" aria-labelledby="determinism-days">
      <h2 id="determinism-days">Determinism by day (UTC)</h2>
      <ol className="card registry-days">
        {days.map(({ day, determinism }) => (
          <li key={day} title={scoreWords(day, determinism)}>
            <span className="sr-only">{scoreWords(day, determinism)}</span>
            {determinism === null ? null : (
              <span
                className="registry-bar registry-score-bar"
                aria-hidden="true"
                data-band={BANDS[bandOf(Math.floor(determinism))].color}
                style={{ height: `${determinism}%` }}
              />
            )}
          </li>
        ))}
      </ol>
      <p className="faint registry-axis">
        <span>{days[0]?.day}</span>
        <Link to={`/runs?${below}`}>Runs below 70</Link>
        <span>{days.at(-1)?.day}</span>
      </p>
    </section>
  );
}

function scoreWords(day: string, score: number | null): string {
  if (score === null) return `${day}: no score`;
  return `${day}: ${score.toFixed(1)} of 100 on average, ${BANDS[bandOf(Math.floor(score))].name}`;
}

const DAY_MS = 24 * 60 * 60 * 1000;
export const SHOWN_DAYS = 30;
const NO_RUN = {
  runs: 0,
  completed: 0,
  failed: 0,
  attempts: 0,
  success: 0,
  cost_usd: "0",
  unpriced: 0,
  estimated: 0,
  determinism: null,
};

/** Returns the last 30 days in UTC; days that the server omits had no runs. */
export function everyDay(known: readonly TrendDay[], now: number): TrendDay[] {
  const byDay = new Map(known.map((day) => [day.day, day]));
  return Array.from({ length: SHOWN_DAYS }, (_, at) => {
    const day = new Date(now - (SHOWN_DAYS - 1 - at) * DAY_MS).toISOString().slice(0, 10);
    return byDay.get(day) ?? { day, ...NO_RUN };
  });
}

const NEW_MS = 7 * 24 * 60 * 60 * 1000;

/** The error types of an agent's calls. */
export function Errors({ of }: { of: readonly ErrorTypeView[] }) {
  const now = useNow();
  return (
    <section className="stack" aria-labelledby="errors">
      <h2 id="errors">Error types</h2>
      {of.length === 0 ? <p className="soft">No failed actions.</p> : null}
      {of.length > 0 ? (
        <div className="card registry-errors">
          <table>
            <thead>
              <tr>
                <th scope="col">Type</th>
                <th scope="col" className="num">
                  Count
                </th>
                <th scope="col">First seen</th>
                <th scope="col">Last seen</th>
                <th scope="col">
                  <span className="sr-only">Example</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {of.map((error) => (
                <tr key={error.type}>
                  <td className="registry-error">
                    <bdi>{error.type}</bdi>
                    {now - Date.parse(error.first_seen_at) < NEW_MS ? (
                      <span className="registry-new" title="First seen within the last 7 days">
                        new
                      </span>
                    ) : null}
                  </td>
                  <td className="num">{NUMBER.format(error.count)}</td>
                  <td>
                    <Time at={error.first_seen_at} />
                  </td>
                  <td>
                    <Time at={error.last_seen_at} />
                  </td>
                  <td>
                    <Link
                      to={runPath(error.example_run_id, error.example_action_id)}
                      aria-label={`Example: ${error.type}`}
                    >
                      Example
                    </Link>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}
