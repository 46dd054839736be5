/** A call in the Telemetry tab: its cells and its details. */
import { memo, useMemo } from "react";
import type { BatchLoader } from "../../../api/liveUpdates";
import { momentOf, type Row } from "../../../api/recording";
import { type BodiesView, type BodyView, type FailureView, useBodies, useBodyReader } from "../../../api/run";
import type { Outcome, RunView } from "../../../api/types";
import { Status } from "../../../components/badges";
import { Cost } from "../../../components/Cost";
import { ErrorNotice } from "../../../components/EmptyState";
import { bytes, NOTHING } from "../../../components/format";
import { Duration } from "../../../components/Time";
import { Cell } from "../../../components/VirtualTable";
import { AsJson, RecordedContent, useRecordedContent } from "../content/Messages";
import { valuePreview } from "../content/preview";
import { TextSpans } from "../content/TextSpans";
import { CopyBody, ErrorCard } from "../inspector/ActionContent";
import { bothTimes, clockTime, exactLength, exactMoment, KINDS, lengthWords } from "../runDisplay";
import { type Call, statusOf } from "./calls";

export const PREVIEW_BYTES = 600; // of each text: more than a row can show

interface Props {
  run: RunView;
  call: Call;
  reader: BatchLoader<BodiesView>;
  words: readonly string[];
  /** Whether the search found it, when other rows are shown too. */
  isHit: boolean;
  isOpen: boolean;
  onToggle: (id: string) => void;
}

/** The cells of a call. Previews load when the row becomes visible. */
export const CallRow = memo(function CallRow({ run, call, reader, words, isHit, isOpen, onToggle }: Props) {
  const { data } = useBodies(reader, run.run_id, call, PREVIEW_BYTES);
  const status = statusOf(call);
  const kind = KINDS[call.kind];
  const at = momentOf(run, call.startUs);
  return (
    <>
      <Cell className="run-order num">
        {isHit ? <span className="run-hit" title="Found by the search" /> : null}
        {call.order}
      </Cell>
      <Cell className="run-name">
        <button
          type="button"
          className="run-chevron"
          aria-expanded={isOpen}
          aria-label={`Inputs and outputs of ${call.name}`}
          title={isOpen ? "Fold (x)" : "Unfold (x)"}
          onClick={() => onToggle(call.id)}
        >
          <span aria-hidden="true">›</span>
        </button>
        <span className={`run-kind tone-${kind.tone}`} title={kind.word} aria-hidden="true">
          {kind.glyph}
        </span>
        <span className="run-words">
          <span className="truncate" title={call.name}>
            <TextSpans text={call.name} words={words} />
          </span>
          {(call.model ?? call.actor) ? (
            <span className="truncate faint" title={call.model ?? call.actor ?? undefined}>
              <bdi>{call.model ?? call.actor}</bdi>
            </span>
          ) : null}
        </span>
      </Cell>
      <Cell className="run-in truncate">
        <Preview body={data?.inputs} words={words} />
      </Cell>
      <Cell className="run-out truncate">
        {data?.failure ? (
          <FailureWords of={data.failure} outcome={call.outcome} words={words} />
        ) : (
          <Preview body={data?.outputs} words={words} />
        )}
      </Cell>
      <Cell className="run-cost num">
        <Cost usd={call.cost} isEstimated={call.isEstimated} outcome={call.outcome} />
      </Cell>
      <Cell className="run-duration num">
        <CallDuration run={run} row={call} />
      </Cell>
      <Cell className="run-outcome">
        {status ? <Status of={status} pulse={status === "running"} /> : <span className="faint">{NOTHING}</span>}
      </Cell>
      <Cell className="run-at num faint">
        <time dateTime={exactMoment(at)} title={bothTimes(at)}>
          {clockTime(at)}
        </time>
      </Cell>
    </>
  );
});

interface FailureProps {
  of: FailureView;
  outcome: Outcome | null;
  words: readonly string[];
}

/** Why a call failed; without a message its outcome says it all. */
function FailureWords({ of: { type, message }, outcome, words }: FailureProps) {
  if (!message && type === outcome) return <span className="faint">no message</span>;
  return (
    <span className="run-failure" title={message || type}>
      {message ? `${type}: ` : type}
      <TextSpans text={message.slice(0, 200)} words={words} />
    </span>
  );
}

function Preview({ body, words }: { body: BodyView | null | undefined; words: readonly string[] }) {
  const text = useMemo(() => (body ? valuePreview(body.text) : null), [body]);
  if (text === null) return <span className="faint">{body === null ? NOTHING : null}</span>;
  return (
    <span className="run-preview mono">
      <TextSpans text={text} words={words} />
    </span>
  );
}

interface CallDetailsProps {
  run: string;
  call: Call;
  words: readonly string[];
}

const SHOWN_BYTES = 16_384; // of each text; the inspector shows more

/** The inputs and outputs of a call, below its row. */
export function CallDetails({ run, call, words }: CallDetailsProps) {
  const reader = useBodyReader(run, SHOWN_BYTES);
  const { data, error, refetch } = useBodies(reader, run, call, SHOWN_BYTES);
  if (error && !data) return <ErrorNotice of={error} onRetry={refetch} />;
  if (!data) return <p className="run-both faint">Loading …</p>;
  return (
    <div className="run-both">
      {data.failure ? <ErrorCard failure={data.failure} of={`call ${call.order}`} /> : null}
      <One title="Inputs" of={`call ${call.order}`} body={data.inputs} words={words} />
      <One title="Outputs" of={`call ${call.order}`} body={data.outputs} words={words} />
    </div>
  );
}

interface OneProps {
  title: string;
  of: string;
  body: BodyView | null;
  words: readonly string[];
}

function One({ title, of, body, words }: OneProps) {
  const shown = useRecordedContent(body?.text);
  return (
    <section>
      <div className="run-part-head">
        <h2>{title}</h2>
        {body?.cut ? <span className="faint">the beginning of {bytes(body.cut.size_bytes)}</span> : null}
        {body ? <AsJson of={shown} what={`${title} of ${of}`} /> : null}
        {body ? <CopyBody body={body} what={title} /> : null}
      </div>
      {body ? (
        <div className="run-json" tabIndex={0} role="region" aria-label={`${title} of ${of}`}>
          <RecordedContent of={shown} text={body.text} words={words} />
        </div>
      ) : (
        <p className="faint">Nothing was recorded.</p>
      )}
    </section>
  );
}

interface CallTookProps {
  run: RunView;
  row: Row;
}

/** The duration of an action, exact in the tooltip; counts up while it runs. */
export function CallDuration({ run, row }: CallTookProps) {
  if (row.durationUs !== null) return <span title={exactLength(row.durationUs)}>{lengthWords(row.durationUs)}</span>;
  if (run.status !== "running") return <>{NOTHING}</>; // its end was never reported
  return <Duration from={new Date(momentOf(run, row.startUs)).toISOString()} to={null} />;
}
