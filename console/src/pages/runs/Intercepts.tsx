import { useState } from "react";
import { Link } from "react-router";
import type { InterceptView, Window } from "../../api/recorded";
import { useIntercepts } from "../../api/registry";
import { useCanChange } from "../../api/session";
import { Button } from "../../parts/Button";
import { Failure } from "../../parts/Failure";
import { Name } from "../../parts/Name";
import { Reasons } from "../../parts/Reasons";
import { Time } from "../../parts/Time";
import { agentPath, runPath } from "../../parts/url";
import { inWindow } from "../../parts/windows";
import { Acknowledge } from "./Acknowledge";

/** Runs that need attention, the latest first: why, and the way to what failed. */
export function Intercepts({ window, agent, q }: { window: Window; agent: string; q: string }) {
  const [isOpen, setOpen] = useState(true);
  const [hasAcknowledged, setAcknowledged] = useState(false);
  const found = useIntercepts({ window, agent, q, acknowledged: hasAcknowledged });
  const intercepts = found.data?.data ?? [];
  const number = `${intercepts.length}${found.data?.more ? "+" : ""}`;
  if (found.isPending) return null; // it must not push the list down twice
  return (
    <section className="intercepts" aria-labelledby="intercepts">
      <div className="intercepts-head">
        <h2 id="intercepts">
          {intercepts.length > 0 ? (
            <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> Critical intercepts
              <span className="intercepts-count">{number}</span>
            </button>
          ) : (
            "Critical intercepts"
          )}
        </h2>
        <label className="intercepts-all">
          <input
            type="checkbox"
            checked={hasAcknowledged}
            onChange={(event) => setAcknowledged(event.target.checked)}
          />{" "}
          Acknowledged too
        </label>
      </div>
      {found.isError ? <Failure of={found.error} again={found.refetch} /> : null}
      {found.isSuccess && intercepts.length === 0 ? (
        <p className="soft">
          <span className="intercepts-well" aria-hidden="true">
            ✓
          </span>{" "}
          None {inWindow(window)}
          {q ? ` with “${q}”` : ""}: no run with errors it did not recover from, lost entries, or often stopped.
        </p>
      ) : null}
      {intercepts.length > 0 && isOpen ? (
        <ul className="card intercepts-list">
          {intercepts.map((intercept) => (
            <Intercept key={intercept.run.run_id} of={intercept} />
          ))}
        </ul>
      ) : null}
    </section>
  );
}

function Intercept({ of: { run, reasons, acknowledged } }: { of: InterceptView }) {
  const [isAsked, setAsked] = useState(false);
  const canChange = useCanChange();
  return (
    <li>
      <Link to={runPath(run.run_id, run.first_error_id)} className="intercepts-id cut" title={run.run_id}>
        <Name of={run.run_id} />
      </Link>
      <Link to={agentPath(run.agent_id)} className="intercepts-agent cut faint" title={run.agent_id}>
        <Name of={run.agent_id} />
      </Link>
      <Reasons of={reasons} />
      <span className="faint intercepts-age">
        <Time at={run.last_event_at} as="age" />
      </span>
      {acknowledged ? (
        <span className="faint intercepts-said cut" title={`Acknowledged by ${acknowledged.author}`}>
          ✓ <bdi>{acknowledged.text}</bdi>
        </span>
      ) : canChange ? (
        <Button kind="quiet" className="intercepts-said" onClick={() => setAsked(true)}>
          Acknowledge…
        </Button>
      ) : null}
      {isAsked ? <Acknowledge run={run} onClose={() => setAsked(false)} /> : null}
    </li>
  );
}
