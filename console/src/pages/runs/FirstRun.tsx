import type { ReactNode } from "react";
import { Link } from "react-router";
import { useModelKey } from "../../api/session";
import { withServer } from "../../parts/command";
import { Snippet } from "../../parts/Snippet";

/** What stands here until something was recorded: three ways, each with what makes a run appear. */
export function FirstRun() {
  const { origin } = window.location;
  const key = useModelKey();
  return (
    <section className="runs-first" aria-labelledby="first-run">
      <h2 id="first-run">Nothing is recorded yet</h2>
      <p className="soft">
        A run appears here with its first call, live. Every way leads to the same pages; take the one your agent has.
      </p>
      <ul>
        <Way title="Python, any function" command={decorated()}>
          Each call is recorded, with what went in and came out. Start it with{" "}
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
