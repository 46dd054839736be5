import { memo, useMemo } from "react";
import type { Gathered } from "../../../api/gathered";
import type { Outcome, RunView } from "../../../api/recorded";
import { type BodiesView, type BodyView, type FailureView, useBodies } from "../../../api/recordedRun";
import { momentOf } from "../../../api/recording";
import { Cost } from "../../../parts/Cost";
import { NOTHING } from "../../../parts/format";
import { Cell } from "../../../parts/RowList";
import { Status } from "../../../parts/Status";

import { TextSpans } from "../json/TextSpans";
import { previewOf } from "../messages/gist";
import { bothTimes, clockTime, exactMoment, KINDS } from "../runPage";
import { CallTook } from "./CallTook";
import { type Call, standOf } from "./calls";

export const PREVIEW_BYTES = 600; // of each text: more than a row has room for

interface Props {
  run: RunView;
  call: Call;
  reader: Gathered<BodiesView>;
  words: readonly string[];
  /** Whether the search found it, among others that it did not. */
  isHit: boolean;
  isOpen: boolean;
  onToggle: (id: string) => void;
}

/** The cells of a call. What went in and came out is read when the row comes into sight. */
export const CallRow = memo(function CallRow({ run, call, reader, words, isHit, isOpen, onToggle }: Props) {
  const { data } = useBodies(reader, run.run_id, call, PREVIEW_BYTES);
  const stand = standOf(call);
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
          <span className="cut" title={call.name}>
            <TextSpans text={call.name} words={words} />
          </span>
          {(call.model ?? call.actor) ? (
            <span className="cut faint" title={call.model ?? call.actor ?? undefined}>
              <bdi>{call.model ?? call.actor}</bdi>
            </span>
          ) : null}
        </span>
      </Cell>
      <Cell className="run-in cut">
        <Preview body={data?.inputs} words={words} />
      </Cell>
      <Cell className="run-out cut">
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
        <CallTook run={run} row={call} />
      </Cell>
      <Cell className="run-outcome">
        {stand ? <Status of={stand} pulse={stand === "running"} /> : <span className="faint">{NOTHING}</span>}
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

/** Why a call failed; of one of which nobody told more than that, its outcome says it already. */
function FailureWords({ of: { type, message }, outcome, words }: FailureProps) {
  if (!message && type === outcome) return <span className="faint">without a word</span>;
  return (
    <span className="run-failure" title={message || type}>
      {message ? `${type}: ` : type}
      <TextSpans text={message.slice(0, 200)} words={words} />
    </span>
  );
}

function Preview({ body, words }: { body: BodyView | null | undefined; words: readonly string[] }) {
  const text = useMemo(() => (body ? previewOf(body.text) : null), [body]);
  if (text === null) return <span className="faint">{body === null ? NOTHING : null}</span>;
  return (
    <span className="run-preview mono">
      <TextSpans text={text} words={words} />
    </span>
  );
}
