import { Link } from "react-router";
import { Command } from "./Command";

const BEHIND = `from titan_sdk import TitanClient, TitanJob

TitanClient().submit_dag("letter", [
    TitanJob("draft", "draft.py", hitl_message="Send it to 4,000 people?", max_wait_seconds=3600),
    TitanJob("send", "send.py", parents=["draft"]),
])`;

export function Gates() {
  return (
    <>
      <p>
        A gate holds a run until a person decides. It takes no slot of a worker, outlives restarts of the server, and
        keeps who decided, when and why. Open gates stand on <Link to="/approvals">Approvals</Link>.
      </p>

      <h2>Ask for approval</h2>
      <p>
        Behind a job: <code>hitl_message</code> puts a gate after it, and whatever waits for the job then waits for the
        gate too. <code>TitanGate("review", "Write the report?", parents=[…])</code> is a gate of its own.
      </p>
      <Command>{BEHIND}</Command>

      <h2>Decide</h2>
      <p>
        On Approvals, or on the page of its DAG; the jobs before it left their files there to review. On the command
        line:
      </p>
      <Command>{'titan gates\ntitan approve draft --dag letter --comment "checked the figures"'}</Command>
      <p>A gate is decided once. Deciding takes the role admin; a job may not decide where tokens are needed.</p>

      <h2>What follows</h2>
      <dl>
        <dt>Not yet open</dt>
        <dd>Something before it is not done.</dd>
        <dt>Open</dt>
        <dd>It waits for a decision; what is behind it waits for it.</dd>
        <dt>Approved</dt>
        <dd>What waits behind it starts at once.</dd>
        <dt>Rejected</dt>
        <dd>What waits behind it is cancelled.</dd>
        <dt>Expired</dt>
        <dd>
          Nobody decided in time, two days unless <code>max_wait_seconds</code> says otherwise: as if rejected.
        </dd>
      </dl>
      <p>
        To be notified when a gate opens, give the server an address in <code>TITAN_NOTIFY</code>: see{" "}
        <Link to="/settings#notifications">notifications</Link>.
      </p>
    </>
  );
}
