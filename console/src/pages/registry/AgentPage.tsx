import type { ReactNode } from "react";
import { Link } from "react-router";
import { useAgentStats } from "../../api/agents";
import type { AgentStatsView } from "../../api/recorded";
import { useRegistry } from "../../api/registry";
import { ALL_RUNS } from "../../api/registryFilter";
import { Spent } from "../../parts/Cost";
import { Failure } from "../../parts/Failure";
import { Name } from "../../parts/Name";
import { Page } from "../../parts/Page";
import { RunBadge } from "../../parts/RunBadge";
import { Time, Took } from "../../parts/Time";
import { runPath, useIdInPath } from "../../parts/url";
import { Days } from "./Days";
import { DeterminismDays } from "./DeterminismDays";
import { Errors } from "./Errors";
import { SuccessRate } from "./SuccessRate";
import { Trends } from "./Trends";
import { Versions } from "./Versions";
import "./registry.css";

const NUMBER = new Intl.NumberFormat("en-US");
const MOST_RUNS = 8;

/** One agent: its sums, whether it gets better or worse, its days, its errors and its latest runs. */
export function AgentPage() {
  const agent = useIdInPath();
  const found = useAgentStats(agent);
  return (
    <Page title={agent} aside={<Links agent={agent} />}>
      {found.isError && !found.data ? <Failure of={found.error} again={found.refetch} /> : null}
      {found.isPending ? <p className="faint">Loading …</p> : null}
      {found.data ? <Stats of={found.data} /> : null}
      {found.data ? <Versions agent={agent} /> : null}
      <Latest agent={agent} />
    </Page>
  );
}

function Links({ agent }: { agent: string }) {
  const query = new URLSearchParams({ agent_id: agent });
  return (
    <div className="row">
      <Link to="/registry">All agents</Link>
      <Link to={`/runs?${query}&window=all`}>Its runs</Link>
      <Link to={`/ledger?${query}`}>Its actions</Link>
    </div>
  );
}

function Stats({ of }: { of: AgentStatsView }) {
  const { agent } = of;
  const cancelled = agent.runs - agent.running - agent.completed - agent.failed; // a recorded run is one of these
  return (
    <>
      <dl className="registry-figures">
        <Figure name="Runs">{NUMBER.format(agent.runs)}</Figure>
        <Figure name="Running">{NUMBER.format(agent.running)}</Figure>
        <Figure name="Completed">{NUMBER.format(agent.completed)}</Figure>
        <Figure name="Failed">{NUMBER.format(agent.failed)}</Figure>
        {cancelled > 0 ? <Figure name="Cancelled">{NUMBER.format(cancelled)}</Figure> : null}
        <Figure name="Cost">
          <Spent of={agent} />
        </Figure>
        <Figure name="Success of attempts">
          <SuccessRate success={agent.success} attempts={agent.attempts} />
        </Figure>
        <Figure name="First seen">
          <Time at={agent.first_seen_at} />
        </Figure>
        <Figure name="Last seen">
          <Time at={agent.last_seen_at} />
        </Figure>
        {agent.registered ? (
          <Figure name="Registered">
            version {agent.registered.version}, {agent.registered.kind}
          </Figure>
        ) : null}
      </dl>
      <Trends of={of.trends} />
      <Days of={of.days} />
      <DeterminismDays of={of.days} agent={agent.agent_id} />
      <Errors of={of.errors} />
    </>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Latest({ agent }: { agent: string }) {
  const { runs } = useRegistry({ ...ALL_RUNS, window: "all", agent });
  return runs.length === 0 ? null : (
    <section className="stack" aria-labelledby="latest">
      <h2 id="latest">Latest runs</h2>
      <ul className="card registry-latest">
        {runs.slice(0, MOST_RUNS).map((run) => (
          <li key={run.run_id}>
            <RunBadge run={run} />
            <span className="registry-run">
              <Link to={runPath(run.run_id)} className="cut" title={run.run_id}>
                <Name of={run.name ?? run.run_id} />
              </Link>
              {run.name ? (
                <span className="registry-run-id cut faint">
                  <Name of={run.run_id} />
                </span>
              ) : null}
            </span>
            <span className="num">
              <Spent of={run.tally} />
            </span>
            <span className="num">
              <Took from={run.started_at} to={run.ended_at} />
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
