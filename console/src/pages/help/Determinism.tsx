import { Link } from "react-router";

export function Determinism() {
  return (
    <>
      <p>
        A run is deterministic where its program does the same another time: the same actions, with the same inputs, in
        the same order. <strong>This version measures none of that</strong>: no run has a score, and the tab Determinism
        shows none.
      </p>

      <h2 id="differs">What differs from one run to the next</h2>
      <dl>
        <dt>Times</dt>
        <dd>
          <code>datetime.now()</code> in what an action is given: pass the time in as an argument.
        </dd>
        <dt>Random values and ids</dt>
        <dd>
          <code>random</code> without a seed, <code>uuid4()</code>: seed it, or make the id from what it stands for.
        </dd>
        <dt>The order of sets and listings</dt>
        <dd>
          <code>{"list({…})"}</code>, <code>os.listdir()</code>: sort them.
        </dd>
        <dt>The world</dt>
        <dd>A database, a web page, a model without temperature 0: record the call as an action of its own.</dd>
        <dt>Threads and tasks</dt>
        <dd>Which of them is first: collect by place, not as they come.</dd>
      </dl>

      <h2 id="recorded">What is recorded for it</h2>
      <p>
        Each action's inputs, outputs, times and place in the code: see <Link to="/help/replay">replay</Link>, also for
        what cannot be used. Of what was redacted only a keyed fingerprint is kept, which tells whether two secrets were
        equal.
      </p>

      <h2 id="now">What can be done today</h2>
      <p>
        Run the program twice and <Link to="/runs">compare the two</Link>: calls that one run alone made, or that ended,
        cost or took otherwise, are marked. Inputs and outputs are not compared; the inspector shows them.
      </p>
    </>
  );
}
