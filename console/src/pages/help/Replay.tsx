import { Link } from "react-router";
import { KIND_MEANINGS, KIND_NAMES, LEVELS, REASONS } from "../run/simulation/words";
import { Command } from "./Command";

export function Replay() {
  return (
    <>
      <p>
        A replay tells whether a recorded run can be repeated, and how its program executed again, or another run,
        differs from it. No recorded call is made, so it costs nothing. Open a run, press <kbd>s</kbd>, then{" "}
        <kbd>r</kbd>.
      </p>

      <h2>Levels</h2>
      <p>Every result names its level.</p>
      <dl>
        {Object.values(LEVELS).map(({ name, does }) => (
          <Term key={name} name={name} means={does} />
        ))}
      </dl>

      <h2 id="divergences">Divergences</h2>
      <p>
        The first is the root. One whose inputs hold a value in which an earlier one differs is marked as its
        consequence: mend the root first.
      </p>
      <dl>
        {Object.entries(KIND_MEANINGS).map(([kind, means]) => (
          <Term key={kind} name={KIND_NAMES[kind] ?? kind} means={means} />
        ))}
      </dl>

      <h2 id="equal">What counts as equal</h2>
      <p>
        The order of dicts and sets does not count, that of lists does. Floats within one part in a thousand million are
        equal. A redacted part equals whatever stands there. Calls that overlapped may come in any order.
      </p>

      <h2 id="unavailable">Replay not available</h2>
      <dl>
        {Object.entries(REASONS).map(([reason, means]) => (
          <Term key={reason} name={reason} means={means} />
        ))}
      </dl>

      <h2 id="best">Best practices</h2>
      <ul>
        <li>Debug a failed run by replaying it: it fails with the same exception, at no cost.</li>
        <li>Change the code and replay again: the verdict says whether the failure is gone.</li>
        <li>Replay production runs as a test of every change: titan replay --last 200.</li>
        <li>Mark what has side effects with effect="external": it is answered, never repeated.</li>
        <li>
          Make the program <Link to="/help/determinism#best">deterministic</Link>: below 70 a replay shows divergences
          that are none of yours.
        </li>
        <li>Keep outputs stored: without them nothing can be answered. Pin runs that you need for long.</li>
      </ul>
      <Command>
        {"titan replay RUN -- python agent.py\ntitan replay --last 200 --agent A -- python agent.py {args}"}
      </Command>
    </>
  );
}

function Term({ name, means }: { name: string; means: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{means}</dd>
    </>
  );
}
