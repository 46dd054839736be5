import { Link } from "react-router";

export function Replay() {
  return (
    <>
      <p>
        A replay runs an agent's program again with every action answered from the recording, and shows where the new
        run differs. <strong>This version does not replay anything</strong>: the tab Simulation says so, and no figure
        of a replay is made up. It records what a replay will need.
      </p>

      <h2 id="recorded">What is recorded for it</h2>
      <dl>
        <dt>Inputs and outputs</dt>
        <dd>
          As they were when the call was made, with their Python types: tuples, sets, bytes, dates, Decimals,
          dataclasses. Of other objects there is only their <code>repr</code>; of what is over 4 MiB the beginning, with
          its size and digest.
        </dd>
        <dt>Errors</dt>
        <dd>Type, message, arguments and traceback, so that one can be raised again and not only shown.</dd>
        <dt>Order and place</dt>
        <dd>When each call began and ended, what it was made in, and the function with its file and line.</dd>
        <dt>What must not be repeated</dt>
        <dd>
          Calls marked <code>effect="external"</code>: they change something outside of the program.
        </dd>
      </dl>
      <p>
        That is what the SDK records. A run that came by OpenTelemetry, or from another client, has what its spans or
        entries told: often no types, and no arguments of errors.
      </p>

      <h2 id="lacking">What cannot be replayed</h2>
      <dl>
        <dt>What was redacted</dt>
        <dd>
          Keys, tokens, card numbers and what a program or server was told to take out are gone before anything is
          stored. A chip stands in their place, so a call that gave back a secret cannot be answered with it. The
          inspector names the places.
        </dd>
        <dt>What was cut</dt>
        <dd>Of a value over 4 MiB, nested too deep, or holding itself, not all is there.</dd>
        <dt>What was kept out</dt>
        <dd>Where a project keeps no inputs and outputs, there is nothing to answer with.</dd>
        <dt>What was lost</dt>
        <dd>A run whose header tells of lost entries has gaps.</dd>
        <dt>A run that goes on, or was archived</dt>
        <dd>
          The first has no end yet; the second has to be restored first. See{" "}
          <Link to="/help/troubleshooting#replay">Replay not available</Link>.
        </dd>
      </dl>

      <h2 id="now">What can be done today</h2>
      <p>
        <Link to="/runs">Choose two runs</Link> and compare them action by action; import the result of a replay that
        agentsentinel-sdk made, which then stands under Details; and, of a job, run it once more for real:{" "}
        <Link to="/help/resume">Replay a job</Link> starts its script again and answers nothing from a recording.
      </p>
    </>
  );
}
