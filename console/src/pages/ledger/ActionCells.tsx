import { memo } from "react";
import { Link } from "react-router";
import type { ActionView } from "../../api/recorded";
import { Cost } from "../../parts/Cost";
import { duration } from "../../parts/format";
import { Name } from "../../parts/Name";
import { Cell } from "../../parts/RowList";
import { Status } from "../../parts/Status";
import { Time, Took } from "../../parts/Time";
import { agentPath, runPath } from "../../parts/url";

/** The cells of a call. */
export const ActionCells = memo(function ActionCells({ action }: { action: ActionView }) {
  const error = errorWords(action);
  const more = error ?? action.model;
  return (
    <>
      <Cell className="ledger-time">
        <Time at={action.started_at} />
      </Cell>
      <Cell className="ledger-action">
        <span className="ledger-kind faint">{action.kind}</span>
        <Link to={runPath(action.run_id, action.id)} className="ledger-name cut" title={action.name}>
          <Name of={action.name} />
        </Link>
        {more ? (
          <span className={`cut ledger-more ${error ? "ledger-error" : "faint"}`} dir="auto" title={more}>
            {more}
          </span>
        ) : null}
        {action.is_redacted ? (
          <span className="faint ledger-redacted" title="Something was taken away before it was stored">
            redacted
          </span>
        ) : null}
      </Cell>
      <Cell className="ledger-outcome">
        <Status of={action.outcome ?? "running"} pulse={action.outcome === null} />
      </Cell>
      <Cell className="ledger-run cut">
        <Link to={runPath(action.run_id)} title={action.run_id}>
          <Name of={action.run_id} />
        </Link>
      </Cell>
      <Cell className="ledger-agent cut">
        <Link to={agentPath(action.agent_id)} title={action.agent_id}>
          <Name of={action.agent_id} />
        </Link>
      </Cell>
      <Cell className="ledger-cost num">
        <Cost usd={action.cost_usd} isEstimated={action.is_cost_estimated} outcome={action.outcome} />
      </Cell>
      <Cell className="ledger-took num">
        {action.outcome === null ? <Took from={action.started_at} to={null} /> : duration(action.duration_ms)}
      </Cell>
    </>
  );
});

/** Returns why a call failed; null where nobody told more than its outcome says. */
function errorWords({ error_type: type, error_message: message, outcome }: ActionView): string | null {
  if (!type || (type === outcome && !message)) return null;
  return message ? `${type}: ${message}` : type;
}
