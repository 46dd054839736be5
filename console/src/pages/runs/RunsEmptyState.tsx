/** What the list of runs shows in place of rows. */

import type { ReactNode } from "react";
import { Link } from "react-router";
import { ALL_RUNS, type RegistryFilter } from "../../api/registry";
import { useModelKey } from "../../api/session";
import type { ElsewhereView } from "../../api/types";
import { Button, Snippet } from "../../components/Button";
import { withServer } from "../../components/command";
import { EmptyState, ErrorNotice } from "../../components/EmptyState";
import { count, inWindow } from "../../components/format";
import { useUrl } from "../../components/url";
import { fieldsOf, isUnfiltered } from "./filter";

interface Props {
  found: { isError: boolean; isPending: boolean; error: unknown; refetch: () => unknown };
  filter: RegistryFilter;
  elsewhere: ElsewhereView | null;
}

/** Shown without matching runs: how to record one, or where there are some. */
export function RunsEmptyState({ found, filter, elsewhere }: Props) {
  const [, change] = useUrl();
  if (found.isError) return <ErrorNotice of={found.error} onRetry={found.refetch} />;
  if (found.isPending) return <p className="faint">Loading …</p>;
  const ever = elsewhere?.in_all_time ?? 0;
  const others = elsewhere?.in_all_origins ?? 0;
  if (isUnfiltered(filter) && ever === 0 && others === 0) return <FirstRun />;
  const agents = elsewhere?.similar_agents ?? [];
  return (
    <EmptyState title={isUnfiltered(filter) ? `No run ${inWindow(filter.window)}` : "No matching runs"}>
      <div className="runs-offers">
        {ever > 0 && filter.window !== "all" ? (
          <p>
            <Button kind="main" onClick={() => change(fieldsOf({ window: "all" }))}>
              Show all time: {count(ever, "run")}
            </Button>
          </p>
        ) : null}
        {others > 0 ? (
          <p>
            <Button kind={ever > 0 ? "plain" : "main"} onClick={() => change(fieldsOf({ origin: "all" }))}>
              Show production and evaluation: {count(others, "run")}
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
    </EmptyState>
  );
}

/** Three ways to record a first run. */
function FirstRun() {
  const { origin } = window.location;
  const key = useModelKey();
  return (
    <section className="runs-first" aria-labelledby="first-run">
      <h2 id="first-run">No runs yet</h2>
      <p className="soft">A run appears here with its first call. Choose the way that suits your agent:</p>
      <ul>
        <Way title="Python, any function" command={decorated()}>
          Records each call with its inputs and outputs. Start it with{" "}
          <code>{withServer("python agent.py", window.location)}</code>.
        </Way>
        <Way
          title="OpenTelemetry"
          command={`OTEL_EXPORTER_OTLP_ENDPOINT=${origin} \\\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf \\\npython agent.py`}
        >
          Frameworks that trace themselves: openai-agents, langgraph, pydantic-ai and others.
        </Way>
        <Way
          title="Any OpenAI client"
          command={`OPENAI_BASE_URL=${origin}/v1 \\\nOPENAI_API_KEY=${key} \\\npython agent.py`}
        >
          The model's calls go through this server, which needs a model: see <code>TITAN_MODEL</code>. OpenAI clients
          refuse to start without a key: a token, or any word if the server needs none. In code these are{" "}
          <code>base_url</code> and <code>api_key</code>.
        </Way>
      </ul>
      <p className="soft">
        Stages of orchestrated agents stand under <Link to="/agents">Agent Runs</Link>.
      </p>
    </section>
  );
}

function decorated(): string {
  return `import titan_sdk

@titan_sdk.action
def search(query): ...

with titan_sdk.run(agent_id="RESEARCH"):
    search("How does LoRA work?")`;
}

function Way({ title, command, children }: { title: string; command: string; children: ReactNode }) {
  return (
    <li className="card runs-way">
      <h3>{title}</h3>
      <p className="soft">{children}</p>
      <Snippet text={command} />
    </li>
  );
}
