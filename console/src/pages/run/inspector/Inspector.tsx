import { useEffect, useMemo, useRef } from "react";
import { Link } from "react-router";
import { momentOf, type Row } from "../../../api/recording";
import { type ActionDetailView, useAction } from "../../../api/run";
import { CALL_KINDS, type RunView } from "../../../api/types";
import { CopyButton } from "../../../components/Button";
import { Status } from "../../../components/badges";
import { Cost } from "../../../components/Cost";
import { ErrorNotice } from "../../../components/EmptyState";
import { amount, day, NOTHING } from "../../../components/format";
import { useEscape } from "../../../components/keyboard";
import { Fact } from "../../../components/Page";
import { bothTimes, clockTime, exactLength, KINDS, lengthWords } from "../runDisplay";
import { statusOf } from "../telemetry/calls";
import { Body, Details, ErrorCard } from "./ActionContent";
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

/** The panel of one action; on a phone it covers the page. Esc closes it. */
export function Inspector({ run, row, rows, words, onChoose }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { data, error, refetch } = useAction(run.run_id, row);
  const status = statusOf(row);
  useEscape(() => onChoose(null));
  useEffect(() => {
    // On a phone the panel covers the page and needs the focus.
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
        {status ? <Status of={status} pulse={status === "running"} /> : null}
        <button type="button" className="button button-quiet run-panel-close" onClick={() => onChoose(null)}>
          ✕<span className="sr-only"> Close</span>
        </button>
      </header>
      <div className="run-panel-body">
        {error && !data ? <ErrorNotice of={error} onRetry={refetch} /> : null}
        {data ? <Parts run={run} row={row} rows={rows} detail={data} words={words} onChoose={onChoose} /> : null}
        {data || error ? null : <p className="faint">Loading …</p>}
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
      <p>⊘ Secrets were redacted before storage. Titan has no copy of them.</p>
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

interface ActionFactsProps {
  run: RunView;
  row: Row;
  rows: readonly Row[];
  detail: ActionDetailView;
  onChoose: (id: string) => void;
}

const WHOLE = new Intl.NumberFormat("en-US");

/** The metadata of an action. What does not apply has no line; unknown values are "–". */
function ActionFacts({ run, row, rows, detail, onChoose }: ActionFactsProps) {
  const { action } = detail;
  const parent = useMemo(() => rows.find((one) => one.number === row.parent), [rows, row.parent]);
  const started = momentOf(run, row.startUs);
  return (
    <dl className="run-metadata" aria-label="Metadata">
      <Fact name="UUID">
        <code className="whole">{row.id}</code>
        <CopyButton text={row.id} />
      </Fact>
      <Fact name="Kind">{KINDS[row.kind].word}</Fact>
      <Fact name="Started">
        <time dateTime={action.started_at} title={bothTimes(started)}>
          {day(started)} {clockTime(started)}
        </time>
      </Fact>
      <Fact name="Duration">
        {row.durationUs === null ? (
          openWords(run)
        ) : (
          <span title={exactLength(row.durationUs)}>{lengthWords(row.durationUs)}</span>
        )}
      </Fact>
      <Fact name="Cost">
        <Cost usd={action.cost_usd} isEstimated={action.is_cost_estimated} outcome={action.outcome} />
      </Fact>
      {action.model ? (
        <Fact name="Model">
          <bdi>{action.model}</bdi>
          {action.provider ? <span className="faint">{action.provider}</span> : null}
        </Fact>
      ) : null}
      {action.input_tokens !== null || action.output_tokens !== null ? (
        <Fact name="Tokens">{tokenWords(detail)}</Fact>
      ) : null}
      {action.actor ? (
        <Fact name="By">
          <bdi>{action.actor}</bdi>
        </Fact>
      ) : null}
      {parent ? (
        <Fact name="Parent">
          <button type="button" className="run-link" onClick={() => onChoose(parent.id)}>
            <bdi>{parent.name}</bdi>
          </button>
        </Fact>
      ) : null}
      {row.parent === -1 ? <Fact name="Parent">An action not reported yet</Fact> : null}
      {action.impact ? <Fact name="Impact">{action.impact}</Fact> : null}
      {action.effect ? <Fact name="Effect">{action.effect}</Fact> : null}
      {action.tags.length > 0 ? (
        <Fact name="Tags">
          {action.tags.map((tag) => (
            <bdi key={tag} className="run-tag">
              {tag}
            </bdi>
          ))}
        </Fact>
      ) : null}
      <Fact name="Source">{detail.sources.join(", ") || NOTHING}</Fact>
      <Fact name="Redaction">{detail.redaction_version > 0 ? `patterns ${detail.redaction_version}` : NOTHING}</Fact>
      {action.is_possible_duplicate ? (
        <Fact name="Possible duplicate">Looks like a second report of another call. It is counted.</Fact>
      ) : null}
    </dl>
  );
}

/** Returns the duration text of an action without an end. */
function openWords(run: RunView): string {
  return run.status === "running" ? "Running" : NOTHING;
}

/** Returns `1,000 input, 400 of them from cache, 50 written to cache · 100 output`: caching decides the price. */
function tokenWords({ action, cache_read_tokens: read, cache_write_tokens: written }: ActionDetailView): string {
  const input = [
    `${amount(action.input_tokens)} input`,
    read ? `${WHOLE.format(read)} of them from cache` : null,
    written ? `${WHOLE.format(written)} written to cache` : null,
  ].filter(Boolean);
  return `${input.join(", ")}${input.length > 1 ? " · " : ", "}${amount(action.output_tokens)} output`;
}
