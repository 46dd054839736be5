import { KIND_MEANINGS, KIND_NAMES, LEVELS, REASONS } from "../run/simulation/words";

export function Replay() {
  return (
    <>
      <p>
        A replay tells whether a recorded run can be repeated, and how another run differs from it. It calls nothing and
        costs nothing. Open a run, press <kbd>s</kbd>, then <kbd>r</kbd>.
      </p>

      <h2>Levels</h2>
      <p>Every result names its level. Re-executing the agent's code, and forking a run, come later.</p>
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
