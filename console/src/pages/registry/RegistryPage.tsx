import { Link, useNavigate } from "react-router";
import { useAgents } from "../../api/registry";
import type { AgentView, OriginChoice } from "../../api/types";
import { CompletedRuns } from "../../components/badges";
import { SpentCost } from "../../components/Cost";
import { EmptyState, NoRowsNotice } from "../../components/EmptyState";
import { OriginControl, originIn, SearchField } from "../../components/fields";
import { Name } from "../../components/links";
import { Page } from "../../components/Page";
import { Time } from "../../components/Time";
import { agentPath, useUrl } from "../../components/url";
import { Cell, VirtualTable } from "../../components/VirtualTable";
import "./registry.css";

const NUMBER = new Intl.NumberFormat("en-US");

/** The Agents page. */
export function RegistryPage() {
  const [query, change] = useUrl();
  const navigate = useNavigate();
  const q = query.get("q") ?? "";
  const origin = originIn(query);
  const found = useAgents(q, origin);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  return (
    <Page
      title="Agents"
      fills
      aside={
        <div className="row">
          <OriginControl chosen={origin} onChange={change} />
          <Link to="/runs">All runs</Link>
          <SearchField value={q} onChange={(text) => change({ q: text })} label="Agent" />
        </div>
      }
    >
      {found.agents.length > 0 ? (
        <VirtualTable
          label="Agents"
          rows={found.agents}
          keyOf={(agent) => agent.agent_id}
          columns="var(--registry-columns)"
          head={<Head />}
          onOpen={(agent) => void navigate(agentPath(agent.agent_id, origin))}
          onEnd={hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : undefined}
          isLoadingMore={isFetchingNextPage}
        >
          {(agent) => <AgentCells agent={agent} origin={origin} />}
        </VirtualTable>
      ) : (
        <NoRowsNotice found={found} word="agent" onClear={q ? () => change({ q: null }) : null}>
          <EmptyState title="No agents yet">
            An agent appears here with its first recorded run. <Link to="/runs">Runs</Link> shows how to record one.
          </EmptyState>
        </NoRowsNotice>
      )}
    </Page>
  );
}

function Head() {
  return (
    <>
      <Cell head>Agent</Cell>
      <Cell head className="num">
        Runs
      </Cell>
      <Cell head className="num registry-more">
        Failed
      </Cell>
      <Cell head className="num">
        Completed
      </Cell>
      <Cell head className="num">
        Cost
      </Cell>
      <Cell head className="num registry-more">
        Actions
      </Cell>
      <Cell head className="num registry-more">
        First seen
      </Cell>
      <Cell head className="num">
        Last seen
      </Cell>
    </>
  );
}

function AgentCells({ agent, origin }: { agent: AgentView; origin: OriginChoice }) {
  return (
    <>
      <Cell className="truncate registry-name">
        <Link to={agentPath(agent.agent_id, origin)} title={agent.agent_id}>
          <Name of={agent.agent_id} />
        </Link>
      </Cell>
      <Cell className="num">
        {agent.running > 0 ? (
          <span className="registry-running">
            {NUMBER.format(agent.running)} running<span className="registry-of"> of</span>
          </span>
        ) : null}{" "}
        {NUMBER.format(agent.runs)}
      </Cell>
      <Cell className="num registry-more">{NUMBER.format(agent.failed)}</Cell>
      <Cell className="num">
        <CompletedRuns of={agent} isBrief />
      </Cell>
      <Cell className="num">
        <SpentCost of={agent} />
      </Cell>
      <Cell className="num registry-more">{NUMBER.format(agent.calls)}</Cell>
      <Cell className="num registry-more">
        <Time at={agent.first_seen_at} />
      </Cell>
      <Cell className="num">
        <Time at={agent.last_seen_at} as="age" />
      </Cell>
    </>
  );
}
