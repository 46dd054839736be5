/** Help on runs: gates, retry and resume, replay, determinism. */
import { Link } from "react-router";
import { Snippet } from "../../components/Button";
import { BANDS } from "../../components/badges";
import { KIND_MEANINGS, KIND_NAMES, LEVELS, REASONS } from "../run/simulation/terms";

const BEHIND = `from titan_sdk import TitanClient, TitanJob

TitanClient().submit_dag("letter", [
    TitanJob("draft", "draft.py", hitl_message="Send it to 4,000 people?", max_wait_seconds=3600),
    TitanJob("send", "send.py", parents=["draft"]),
])`;

export function Gates() {
  return (
    <>
      <p>
        A gate holds a run until a person decides. It uses no worker slot, survives restarts of the server, and records
        who decided, when and why. Open gates are on <Link to="/approvals">Approvals</Link>.
      </p>

      <h2>Ask for approval</h2>
      <p>
        Behind a job: <code>hitl_message</code> puts a gate after it, and whatever waits for the job then waits for the
        gate too. <code>TitanGate("review", "Write the report?", parents=[…])</code> is a gate of its own.
      </p>
      <Snippet text={BEHIND} />

      <h2>Decide</h2>
      <p>On Approvals, or on the page of its DAG, with the files to review. On the command line:</p>
      <Snippet text={'titan gates\ntitan approve draft --dag letter --comment "checked the figures"'} />
      <p>A decision is final. Deciding requires the role admin; jobs cannot decide where tokens are required.</p>

      <h2>What follows</h2>
      <dl>
        <dt>Not yet open</dt>
        <dd>A job before it has not completed.</dd>
        <dt>Open</dt>
        <dd>It waits for a decision.</dd>
        <dt>Approved</dt>
        <dd>The jobs behind it start.</dd>
        <dt>Rejected</dt>
        <dd>The jobs behind it are cancelled.</dd>
        <dt>Expired</dt>
        <dd>
          Nobody decided in time (two days, or <code>max_wait_seconds</code>): treated as rejected.
        </dd>
      </dl>
      <p>
        To be notified when a gate opens, give the server an address in <code>TITAN_NOTIFY</code>: see{" "}
        <Link to="/settings#notifications">notifications</Link>.
      </p>
    </>
  );
}

export function Resume() {
  return (
    <>
      <p>Completed work is kept. Fix the cause first, then continue.</p>

      <h2>Retry</h2>
      <dl>
        <dt>Retry a job</dt>
        <dd>
          Runs a failed or cancelled job again, and the jobs cancelled because of it: in the same DAG, with all its
          retries.
        </dd>
        <dt>Retry a DAG or run</dt>
        <dd>The same for all of it; of a run's stages with one name only the last.</dd>
        <dt>Rerun a job</dt>
        <dd>Runs one job again with its script and arguments, as a new DAG; also a completed one.</dd>
        <dt>Redeploy a DAG</dt>
        <dd>Submits the whole DAG again; its gates open again.</dd>
      </dl>
      <Snippet
        text={"titan retry train\ntitan retry --run RESEARCH_cb5e13\ntitan rerun train\ntitan rerun --dag nightly"}
      />

      <h2 id="run">Resume an agent run</h2>
      <p>
        A program drives a run: it submits a stage, reads its results and submits the next. Resuming starts that program
        again. Completed stages return their stored results, partly failed stages are retried, and new or changed stages
        run.
      </p>
      <Snippet text={"titan runs resume RESEARCH_cb5e13"} />
      <p>
        If a job orchestrates the run, Titan retries it. A program outside Titan is started by this command, on the
        machine it ran on; the page only shows the command.
      </p>
      <p>
        The program must get the same run id again: take it from <code>titan_sdk.new_run_id("DIGEST")</code>, or pass
        the old one as an argument.
      </p>

      <h2>How a run ends</h2>
      <p>
        With the process that submitted its stages: failed after an uncaught exception or a non-zero exit code, else by
        the status of its stages. A killed process reports nothing; its run ends after 2 minutes without events.
      </p>
    </>
  );
}

export function Replay() {
  return (
    <>
      <p>
        A replay checks whether a recorded run can be repeated, or compares it with a new execution or another run. It
        makes no recorded call, so it costs nothing. Open a run, press <kbd>s</kbd>, then <kbd>r</kbd>.
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
        The first one is the root. A divergence whose inputs hold a differing value is marked as its consequence. Fix
        the root first.
      </p>
      <dl>
        {Object.entries(KIND_MEANINGS).map(([kind, means]) => (
          <Term key={kind} name={KIND_NAMES[kind] ?? kind} means={means} />
        ))}
      </dl>

      <h2 id="equal">What counts as equal</h2>
      <p>
        The order of dicts and sets does not count, that of lists does. Floats are equal within a relative difference of
        1e-9. A redacted part equals any value. Overlapping calls may come in any order.
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
          that your change did not cause.
        </li>
        <li>Keep outputs stored: without them nothing can be answered. Pin runs that you need for long.</li>
      </ul>
      <Snippet
        text={"titan replay RUN -- python agent.py\ntitan replay --last 200 --agent A -- python agent.py {args}"}
      />
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

/** Issue types; recommendations link to their ids. */
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
          <BandTerm key={name} name={range} means={name} glyph={glyph} color={color} />
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
      <Snippet text={"titan determinism RUN --runs 10 -- python agent.py"} />

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
      <Snippet text={"titan determinism RUN --min 100 -- python agent.py   # exit 1 below, 2 not measured"} />
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
      <Snippet text={"titan determinism RUN --report report.html"} />
      <p>
        <Link to="/help/troubleshooting#determinism-score">The score seems wrong</Link> ·{" "}
        <Link to="/help/replay">Replay</Link>
      </p>
    </>
  );
}

function BandTerm({ name, means, glyph, color }: { name: string; means: string; glyph: string; color: string }) {
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
