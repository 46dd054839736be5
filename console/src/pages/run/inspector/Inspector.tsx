import { useEffect, useRef } from "react";
import { Link } from "react-router";
import { CALL_KINDS, type RunView } from "../../../api/recorded";
import { type ActionDetailView, useAction } from "../../../api/recordedRun";
import type { Row } from "../../../api/recording";
import { Failure } from "../../../parts/Failure";
import { Status } from "../../../parts/Status";
import { useEscape } from "../../../parts/useEscape";
import { KINDS } from "../runPage";
import { standOf } from "../telemetry/calls";
import { ActionFacts } from "./ActionFacts";
import { Body } from "./Body";
import { Details } from "./Details";
import { ErrorCard } from "./ErrorCard";
import { ForkHere } from "./ForkHere";
import { Notes } from "./Notes";
import "./inspector.css";

interface Props {
  run: RunView;
  row: Row;
  rows: readonly Row[];
  words: readonly string[];
  onChoose: (id: string | null) => void;
}

/** Everything about one action, beside the list; on a phone a sheet over it. Esc closes it. */
export function Inspector({ run, row, rows, words, onChoose }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { data, error, refetch } = useAction(run.run_id, row);
  const stand = standOf(row);
  useEscape(() => onChoose(null));
  useEffect(() => {
    // Where it covers the page, the focus must be in it.
    if (window.matchMedia("(max-width: 720px)").matches) heading.current?.focus();
  }, []);
  return (
    <aside className="run-panel card" aria-label={`Operation ${row.name}`}>
      <header className="run-panel-head">
        <span className={`run-kind tone-${KINDS[row.kind].tone}`} title={KINDS[row.kind].word} aria-hidden="true">
          {KINDS[row.kind].glyph}
        </span>
        <h2 ref={heading} tabIndex={-1} className="whole">
          <bdi>{row.name}</bdi>
        </h2>
        {stand ? <Status of={stand} pulse={stand === "running"} /> : null}
        <button type="button" className="button button-quiet run-panel-close" onClick={() => onChoose(null)}>
          ✕<span className="unseen"> Close</span>
        </button>
      </header>
      <div className="run-panel-body">
        {error && !data ? <Failure of={error} again={refetch} /> : null}
        {data ? <Parts run={run} row={row} rows={rows} detail={data} words={words} onChoose={onChoose} /> : null}
        {data || error ? null : <p className="faint">Reading …</p>}
      </div>
    </aside>
  );
}

function Parts({ run, row, rows, detail, words, onChoose }: Props & { detail: ActionDetailView }) {
  const { bodies, action } = detail;
  const isThought = row.kind === "thought";
  return (
    <>
      {action.is_redacted || detail.redacted.length > 0 ? <Redacted paths={detail.redacted} /> : null}
      {bodies.failure ? <ErrorCard failure={bodies.failure} /> : null}
      {isThought && !bodies.inputs ? null : <Body title="Inputs" body={bodies.inputs} words={words} />}
      <Body title={isThought ? "Reasoning" : "Outputs"} body={bodies.outputs} words={words} />
      <ActionFacts run={run} row={row} rows={rows} detail={detail} onChoose={onChoose} />
      <Details details={detail.details} />
      <ForkHere run={run} detail={detail} />
      <section className="run-part">
        <h3>Notes and scores</h3>
        <Notes run={run.run_id} action={row.id} notes={detail.notes} />
      </section>
      {CALL_KINDS.some((kind) => kind === row.kind) ? (
        <p>
          <Link to={`/ledger?${new URLSearchParams({ run_id: run.run_id, action_name: row.name })}`}>
            View in Activity Ledger
          </Link>
        </p>
      ) : null}
    </>
  );
}

function Redacted({ paths }: { paths: readonly string[] }) {
  return (
    <div className="run-redacted" role="note">
      <p>⊘ Something was taken away before this was stored: no copy of it exists here.</p>
      {paths.length > 0 ? (
        <details>
          <summary>Where</summary>
          <ul>
            {paths.map((path) => (
              <li key={path} className="mono">
                {path}
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </div>
  );
}
