/** A row of the Trace tab: the action's name, preview, duration and bar. */
import { memo, useMemo } from "react";
import type { BatchLoader } from "../../../api/liveUpdates";
import type { Row } from "../../../api/recording";
import { type BodiesView, type BodyView, useBodies } from "../../../api/run";
import type { RunView } from "../../../api/types";
import { lookOf, Status } from "../../../components/badges";
import { Cost } from "../../../components/Cost";
import { ErrorNotice } from "../../../components/EmptyState";
import { count } from "../../../components/format";
import { loneArgument } from "../content/json";
import { RecordedContent, useRecordedContent } from "../content/Messages";
import { handoffOf, textPreview } from "../content/preview";
import { TextSpans } from "../content/TextSpans";
import { KINDS, lengthWords } from "../runDisplay";
import { CallDuration, PREVIEW_BYTES } from "../telemetry/CallRow";
import { statusOf } from "../telemetry/calls";
import { placeWords, type TimeRange } from "./timeRange";
import { agentAbove, hasChildren, rowAt, selfTime, type Tree } from "./tree";

interface Props {
  run: RunView;
  tree: Tree;
  place: number;
  range: TimeRange;
  nowUs: number;
  reader: BatchLoader<BodiesView>;
  /** Loads previews of bodies. */
  beginnings: BatchLoader<BodiesView>;
  words: readonly string[];
  isHit: boolean;
  isFolded: boolean;
  /** Whether its text is shown below it. */
  isUnfolded: boolean;
  isChosen: boolean;
  isCritical: boolean;
  /** Whether keys act on it. */
  isAt: boolean;
  onToggle: (field: "fold" | "open", id: string) => void;
  onChoose: (id: string) => void;
  index: number;
  onFocus: (index: number) => void;
}

const STEP_PX = 14;
const DEEP = 14; // levels at full indent; deeper ones take less, so that depth 60 leaves room for names
const DEEP_STEP_PX = 3;

/** One action: its place in the tree, its name, and its bar. */
export const TraceRow = memo(function TraceRow(props: Props) {
  const { run, tree, place, range, nowUs, isUnfolded, isChosen, isCritical, isAt, onChoose } = props;
  const row = rowAt(tree, place);
  const depth = tree.depth[place] ?? 0;
  const isParent = hasChildren(tree, place);
  return (
    <>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys */}
      <div
        className="trace-row"
        role="treeitem"
        aria-level={depth + 1}
        aria-expanded={isParent ? !props.isFolded : undefined}
        aria-selected={isChosen}
        tabIndex={isAt ? 0 : -1}
        data-at={isAt || undefined}
        data-chosen={isChosen || undefined}
        data-critical={isCritical || undefined}
        onFocus={() => props.onFocus(props.index)}
        onClick={(event) => {
          if (!(event.target as HTMLElement).closest("button")) onChoose(row.id);
        }}
      >
        <TraceName {...props} row={row} />
        <span className="trace-cost num faint">
          {row.cost === null ? null : <Cost usd={row.cost} isEstimated={row.isEstimated} outcome={row.outcome} />}
        </span>
        <span className="trace-duration num faint">{isMoment(row) ? null : <CallDuration run={run} row={row} />}</span>
        <Bar
          row={row}
          range={range}
          nowUs={nowUs}
          isGroup={isParent}
          title={isParent ? `${lengthWords(selfTime(tree, place, nowUs))} of its own` : undefined}
        />
      </div>
      {saysMore(row) && isUnfolded ? (
        <ReasoningText run={run.run_id} row={row} reader={props.reader} words={props.words} depth={indent(depth)} />
      ) : null}
    </>
  );
});

/** The name of an action with its indent, icons, preview and status. */
function TraceName(props: Props & { row: Row }) {
  const { run, tree, place, row, beginnings, words, isHit, isFolded, isUnfolded, isCritical, onToggle } = props;
  const isParent = hasChildren(tree, place);
  const hidden = isFolded ? (tree.end[place] ?? 0) - place - 1 : 0;
  const kind = KINDS[row.kind];
  const status = statusOf(row);
  return (
    <div className="trace-name" style={{ paddingLeft: indent(tree.depth[place] ?? 0) }}>
      {isParent || saysMore(row) ? (
        // Hidden from keyboard and screen readers: the arrow keys and the row do this.
        <button
          type="button"
          className="run-chevron"
          tabIndex={-1}
          aria-hidden="true"
          aria-expanded={isParent ? !isFolded : isUnfolded}
          onClick={() => onToggle(isParent ? "fold" : "open", row.id)}
        >
          <span>›</span>
        </button>
      ) : (
        <span className="trace-leaf" />
      )}
      <span className={`run-kind tone-${kind.tone}`} title={kind.word}>
        <span aria-hidden="true">{kind.glyph}</span>
        <span className="sr-only">{kind.word} </span>
      </span>
      {isHit ? <span className="run-hit" title="Found by the search" /> : null}
      <span className="trace-words truncate" title={row.name}>
        {row.kind === "handoff" ? (
          <HandoffName
            run={run.run_id}
            row={row}
            reader={beginnings}
            words={words}
            within={agentAbove(tree, place) ?? run.agent_id}
          />
        ) : (
          <TextSpans text={row.name} words={words} />
        )}
        <span className="faint">
          {" "}
          <bdi>{row.model ?? (row.kind === "handoff" ? null : row.actor)}</bdi>
          {row.isPossibleDuplicate ? " · possible duplicate" : null}
          {hidden > 0 ? ` · ${count(hidden, "action")} folded` : null}
        </span>
      </span>
      {saysMore(row) && !(isUnfolded && row.kind === "thought") ? (
        <RowPreview run={run.run_id} row={row} reader={beginnings} words={words} />
      ) : null}
      {isCritical ? (
        <span className="trace-critical" title="On the critical path">
          <span aria-hidden="true">◆</span>
          <span className="sr-only"> on the critical path</span>
        </span>
      ) : null}
      {status && status !== "success" && row.kind !== "event" ? (
        <Status of={status} small pulse={status === "running"} />
      ) : null}
    </div>
  );
}

/** Whether its text is shown in place. */
function saysMore(row: Row): boolean {
  return row.kind === "thought" || row.kind === "turn";
}

function indent(depth: number): number {
  return Math.min(depth, DEEP) * STEP_PX + Math.max(0, depth - DEEP) * DEEP_STEP_PX;
}

/** The row above actions with unreported parents. */
export function OrphansRow({ count: amount, isRunning }: { count: number; isRunning: boolean }) {
  return (
    <div className="trace-orphans" role="treeitem" aria-level={1} aria-selected={false} tabIndex={-1}>
      <span aria-hidden="true">⋯ </span>
      {count(amount, "action")} {amount === 1 ? "has an unreported parent" : "have unreported parents"}
      {isRunning ? "" : ""}
    </div>
  );
}

interface RowWordsProps {
  run: string;
  row: Row;
  /** Loads previews of bodies. */
  reader: BatchLoader<BodiesView>;
  words: readonly string[];
}

/** A preview of a turn's question and answer, or of a thought. */
function RowPreview({ run, row, reader, words }: RowWordsProps) {
  const { data } = useBodies(reader, run, row, PREVIEW_BYTES);
  const asked = useTextPreview(row.kind === "thought" && data?.outputs ? null : data?.inputs);
  const shownToasts = useTextPreview(data?.outputs);
  if (!asked && !shownToasts) return null;
  return (
    <span className="trace-preview faint">
      {asked ? (
        <span className="truncate" title={asked}>
          <TextSpans text={asked} words={words} />
        </span>
      ) : null}
      {asked && shownToasts ? <span aria-hidden="true">→</span> : null}
      {shownToasts ? (
        <span className="truncate" title={shownToasts}>
          <TextSpans text={shownToasts} words={words} />
        </span>
      ) : null}
    </span>
  );
}

interface HandoffProps extends RowWordsProps {
  /** The agent above it. */
  within: string;
}

/** The agents of a handoff, unless its name has both. */
function HandoffName({ run, row, reader, words, within }: HandoffProps) {
  const { data } = useBodies(reader, run, row, PREVIEW_BYTES);
  const told = useMemo(() => (data?.inputs ? handoffOf(data.inputs.text) : null), [data]);
  if (!told || row.name.includes("→")) return <TextSpans text={row.name} words={words} />;
  return (
    <>
      <TextSpans text={told.from ?? row.actor ?? within} words={words} />
      {" → "}
      <TextSpans text={told.to} words={words} />
      {told.reason ? (
        <span className="faint">
          {" "}
          <TextSpans text={told.reason} words={words} />
        </span>
      ) : null}
    </>
  );
}

function useTextPreview(body: BodyView | null | undefined): string | null {
  return useMemo(() => (body ? textPreview(body.text) : null), [body]);
}

export const REASONING_BYTES = 16_384; // of a thought; the inspector shows more

interface REASONING_BYTESProps {
  run: string;
  row: Row;
  reader: BatchLoader<BodiesView>;
  words: readonly string[];
  depth: number;
}

/** The text of a thought or turn. */
function ReasoningText({ run, row, reader, words, depth }: REASONING_BYTESProps) {
  const { data, error, refetch } = useBodies(reader, run, row, REASONING_BYTES);
  const body = data?.outputs ?? data?.inputs;
  return (
    <div className="trace-reasoning" style={{ marginLeft: depth + 44 }}>
      {error && !data ? <ErrorNotice of={error} onRetry={refetch} /> : null}
      {data || error ? null : <p className="faint">Loading …</p>}
      {data && !body ? <p className="faint">Its content was not recorded.</p> : null}
      {body ? <Said text={body.text} words={words} /> : null}
    </div>
  );
}

function Said({ text, words }: { text: string; words: readonly string[] }) {
  const shown = useRecordedContent(text);
  const shownToasts = shown.value && (loneArgument(shown.value) ?? shown.value);
  if (shownToasts?.is !== "string") return <RecordedContent of={shown} text={text} words={words} />;
  return (
    <p dir="auto">
      <TextSpans text={shownToasts.text} words={words} />
      {shownToasts.isCut ? "…" : null}
    </p>
  );
}

interface BarProps {
  row: Row;
  range: TimeRange;
  nowUs: number;
  isGroup: boolean;
  title: string | undefined;
}

/** The bar of an action: thin for groups, a mark for moments, growing while it runs. */
export function Bar({ row, range, nowUs, isGroup, title }: BarProps) {
  const length = range.to - range.from;
  const end = row.durationUs === null ? Math.max(nowUs, row.startUs) : row.startUs + row.durationUs;
  const isOut = end < range.from || row.startUs > range.to;
  const from = Math.max(0, (row.startUs - range.from) / length);
  const to = Math.min(1, (end - range.from) / length);
  const status = statusOf(row);
  const tone = status && status !== "success" ? lookOf(status).tone : KINDS[row.kind].tone;
  const words = [
    isMoment(row)
      ? placeWords(row.startUs)
      : `${placeWords(row.startUs)}, ${row.durationUs === null ? "without an end" : lengthWords(row.durationUs)}`,
    title,
  ];
  return (
    <div className="trace-chart" title={words.filter(Boolean).join("\n")}>
      {isOut ? null : (
        <span
          className={`trace-bar tone-${tone}`}
          data-kind={isMoment(row) ? "moment" : isGroup ? "group" : undefined}
          data-runs={status === "running" || undefined}
          style={{
            left: isMoment(row) ? `clamp(4px, ${from * 100}%, 100% - 4px)` : `${from * 100}%`,
            width: `${Math.max(0, to - from) * 100}%`,
          }}
        />
      )}
    </div>
  );
}

const MOMENT_US = 1000; // a longer thought was measured

/** Whether an action is a moment: drawn as a mark, without a duration. */
function isMoment(row: Row): boolean {
  if (row.kind === "thought") return row.durationUs !== null && row.durationUs < MOMENT_US;
  return row.kind === "event" || row.kind === "handoff";
}
