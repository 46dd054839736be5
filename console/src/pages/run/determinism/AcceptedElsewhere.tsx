import type { Determinism } from "../../../api/determinism";
import { Accepted } from "./IssueCard";

/** What is accepted in the agent's runs and is no issue of this one. */
export function AcceptedElsewhere({ run, of: { issues, accepted } }: { run: string; of: Determinism }) {
  const own = new Set(issues.map((issue) => issue.key));
  const others = accepted.filter((one) => !own.has(one.key));
  if (others.length === 0) return null;
  return (
    <section>
      <h2>Also accepted in this agent's runs</h2>
      {others.map((one) => (
        <div key={one.key}>
          <code>{one.key}</code>
          <Accepted run={run} of={one} />
        </div>
      ))}
    </section>
  );
}
