import { Link } from "react-router";
import { BANDS } from "../../parts/bands";
import { Command } from "./Command";
import "../../parts/determinismscore.css";

/** Kinds of issues; their ids are what recommendations link to. */
const KINDS: readonly (readonly [id: string, what: string, fix: string])[] = [
  ["timestamp", "The current time in inputs or outputs.", "Pass the time in as a parameter, or use titan_sdk.now()."],
  [
    "uuid",
    "An id that was generated for this run.",
    "Derive it from run and step with uuid5, or use titan_sdk.uuid4().",
  ],
  ["random", "A random number or token.", "Draw from titan_sdk.random, or from a generator with a recorded seed."],
  ["environment", "Process, host, directory, memory address.", "Leave them out of inputs and outputs."],
  [
    "external_state",
    "A database, API or file that may change; a write without an idempotency key.",
    "Record the call as an action; give writes an idempotency_key.",
  ],
  ["api_value", "What a service makes for each request: request id, etag.", "Return only the fields that you need."],
  ["floating_point", "A rounding error, as 0.30000000000000004.", "Use Decimal, round, or compare with math.isclose."],
  ["order", "The order of a set, a listing, or tasks that end.", "Sort; collect concurrent results by their index."],
  ["sampling", "A model asked without temperature 0 or without a seed.", "Set both where the provider has them."],
];

export function Determinism() {
  return (
    <>
      <p>
        The score says how far a run can be repeated: 0 to 100, higher is better. Open a run and press <kbd>d</kbd>; the
        list of <Link to="/runs?window=all&sort=determinism&order=asc">runs</Link> sorts and filters by it.
      </p>
      <dl>
        {Object.values(BANDS).map(({ name, range, glyph, color }) => (
          <Term key={name} name={range} means={name} glyph={glyph} color={color} />
        ))}
      </dl>

      <h2 id="predicted">Predicted</h2>
      <p>
        Titan reads what the run recorded and the source of its programs, and executes nothing. Each call loses the
        weight of its gravest open issue: critical 1, high 0.6, medium 0.3, low 0.1. An issue whose value reaches a
        later call is one level higher. Automated analysis may miss issues.
      </p>

      <h2 id="measured">Measured</h2>
      <p>
        The program is executed several times with its calls answered from the recording, each time with another hash
        seed and order. It costs nothing. Five executions that agree prove 57 to 100, twenty 84 to 100. The lower one of
        predicted and measured is the score; a measurement of other code does not count.
      </p>
      <Command>{"titan determinism RUN --runs 10 -- python agent.py"}</Command>

      <h2 id="kinds">What is found, and how to fix it</h2>
      <dl>
        {KINDS.map(([id, what, fix]) => (
          <Kind key={id} id={id} what={what} fix={fix} />
        ))}
      </dl>

      <h2 id="best">Best practices</h2>
      <ul>
        <li>Pass time, ids and seeds in as parameters, or take them from titan_sdk: a replay gives what it gave.</li>
        <li>Record every call to the outside as an action.</li>
        <li>Sort sets and listings before you use them.</li>
        <li>Below 70 a failure is hard to reproduce: fix these runs first.</li>
        <li>After a fix, measure on a run of before, and in CI on every change:</li>
      </ul>
      <Command>{"titan determinism RUN --min 100 -- python agent.py   # exit 1 below, 2 not measured"}</Command>
      <p>
        High determinism makes errors reproducible, lets tests replay instead of execute, shows auditors that a run can
        be repeated, and makes behaviour predictable.
      </p>

      <h2 id="accept">Accept an issue</h2>
      <p>
        Some non-determinism is acceptable, as a timestamp in a log. Accept it with a reason: it stays listed and lowers
        the score of no run of that agent.
      </p>

      <h2 id="versions">Before and after</h2>
      <p>
        Runs with the same code are one version. An agent's page compares the mean score of two, with its interval from
        three runs on.
      </p>

      <h2 id="report">Report</h2>
      <p>
        One file for compliance: run, verified recording, both scores with method, issues, what is accepted by whom,
        replays, versions of everything.
      </p>
      <Command>{"titan determinism RUN --report report.html"}</Command>
      <p>
        <Link to="/help/troubleshooting#determinism-score">The score seems wrong</Link> ·{" "}
        <Link to="/help/replay">Replay</Link>
      </p>
    </>
  );
}

function Term({ name, means, glyph, color }: { name: string; means: string; glyph: string; color: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className="help-band" data-band={color}>
        <span aria-hidden="true">{glyph}</span> {means}
      </dd>
    </>
  );
}

function Kind({ id, what, fix }: { id: string; what: string; fix: string }) {
  return (
    <>
      <dt id={id}>
        <code>{id}</code>
      </dt>
      <dd>
        {what} <span className="soft">{fix}</span>
      </dd>
    </>
  );
}
