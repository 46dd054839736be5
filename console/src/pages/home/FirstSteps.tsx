import type { ReactNode } from "react";
import { Link } from "react-router";
import { useHealth } from "../../api/server";
import { useModelKey } from "../../api/session";
import { Snippet } from "../../components/Button";
import { newClient, titanCommand, withServer } from "../../components/command";

const AGENT = 'python examples/research_agent/research_agent.py "How does LoRA work for LLM fine-tuning?" --max-iter 2';

/** Four steps to get started, shown until something is submitted. */
export function FirstSteps() {
  const health = useHealth();
  const key = useModelKey();
  const submit = titanCommand(["submit", "hello.py", "--follow"], window.location);
  return (
    <section aria-labelledby="first-steps" className="home-section">
      <h2 id="first-steps">Get started</h2>
      <ol className="home-steps">
        <Step number={1} title="Run a job" command={`echo 'print("hello from a job")' > hello.py\n${submit}`}>
          Runs a script as a job and follows its log. The job appears under <Link to="/dags">DAG Pipelines</Link>.
        </Step>
        <Step number={2} title="Run an agent" command={withServer(AGENT, window.location)}>
          The agent plans, researches in parallel, evaluates and writes a report. Its stages appear under{" "}
          <Link to="/agents">Agent Runs</Link>.{" "}
          {health.data && health.data.model === null ? (
            <>
              This server has no model yet: start it with <code>TITAN_MODEL=local</code>.
            </>
          ) : null}
        </Step>
        <Step number={3} title="Record a call" command={recorded()} others={unchanged(window.location.origin, key)}>
          Inputs, outputs, duration and cost of each call appear under <Link to="/runs">Runs</Link>. Programs that use
          OpenTelemetry or an OpenAI client need only the variables below.
        </Step>
        <Step number={4} title="Write your own" command={own()}>
          <code>titan_sdk</code> needs nothing but Python. The guides are in <code>docs/guide</code>,{" "}
          <Link to="/help">help</Link> is here.
        </Step>
      </ol>
    </section>
  );
}

function recorded(): string {
  return `cat > agent.py <<'END'
import titan_sdk

@titan_sdk.action
def search(query):
    return f"about {query}"

search("LoRA")
END
${withServer("python agent.py", window.location)}`;
}

/** Environment variables that record an unchanged program. */
function unchanged(origin: string, key: string): string {
  return `# OpenTelemetry
export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
# OpenAI client, answered by this server's model
export OPENAI_BASE_URL=${origin}/v1
export OPENAI_API_KEY=${key}`;
}

function own(): string {
  return `from titan_sdk import TitanClient, TitanJob

client = ${newClient(window.location)}
client.submit_dag("first", [TitanJob("hello", "hello.py")])`;
}

interface StepProps {
  number: number;
  title: string;
  command: string;
  /** A snippet for other programs. */
  others?: string;
  children: ReactNode;
}

function Step({ number, title, command, others, children }: StepProps) {
  return (
    <li className="card home-step">
      <h3>
        <span className="home-number" aria-hidden="true">
          {number}
        </span>
        {title}
      </h3>
      <p className="soft">{children}</p>
      <Snippet text={command} />
      {others ? <Snippet text={others} /> : null}
    </li>
  );
}
