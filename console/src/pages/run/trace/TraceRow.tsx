import { memo } from "react";
import type { Gathered } from "../../../api/gathered";
import type { RunView } from "../../../api/recorded";
import type { BodiesView } from "../../../api/recordedRun";
import type { Row } from "../../../api/recording";
import { Cost } from "../../../parts/Cost";
import { count } from "../../../parts/format";
import { Status } from "../../../parts/Status";
import { TextSpans } from "../json/TextSpans";
import { KINDS, lengthWords } from "../runPage";
import { CallTook } from "../telemetry/CallTook";
import { standOf } from "../telemetry/calls";
import type { Sight } from "./axis";
import { Bar, isMoment } from "./Bar";
import { Reasoning } from "./Reasoning";
import { HandoffWords, RowWords } from "./RowWords";
import { agentAbove, hasChildren, rowAt, type Tree } from "./tree";
import { selfTime } from "./waits";

interface Props {
  run: RunView;
  tree: Tree;
  place: number;
  sight: Sight;
  nowUs: number;
  reader: Gathered<BodiesView>;
  /** Reads no more of bodies than a row has room for. */
  beginnings: Gathered<BodiesView>;
  words: readonly string[];
  isHit: boolean;
  isFolded: boolean;
  /** Whether what it says stands below it. */
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
const DEEP = 14; // levels at full step; below it each takes less, so that depth 60 leaves room for names
const DEEP_STEP_PX = 3;

/** One action: its place in the tree, what it is, and its bar in time. */
export const TraceRow = memo(function TraceRow(props: Props) {
  const { run, tree, place, sight, nowUs, isUnfolded, isChosen, isCritical, isAt, onChoose } = props;
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
        <span className="trace-took num faint">{isMoment(row) ? null : <CallTook run={run} row={row} />}</span>
        <Bar
          row={row}
          sight={sight}
          nowUs={nowUs}
          isGroup={isParent}
          title={isParent ? `${lengthWords(selfTime(tree, place, nowUs))} of its own` : undefined}
        />
      </div>
      {saysMore(row) && isUnfolded ? (
        <Reasoning run={run.run_id} row={row} reader={props.reader} words={props.words} depth={indent(depth)} />
      ) : null}
    </>
  );
});

/** Where an action stands in the tree, what it is, and how it ended where that was not well. */
function TraceName(props: Props & { row: Row }) {
  const { run, tree, place, row, beginnings, words, isHit, isFolded, isUnfolded, isCritical, onToggle } = props;
  const isParent = hasChildren(tree, place);
  const hidden = isFolded ? (tree.end[place] ?? 0) - place - 1 : 0;
  const kind = KINDS[row.kind];
  const stand = standOf(row);
  return (
    <div className="trace-name" style={{ paddingLeft: indent(tree.depth[place] ?? 0) }}>
      {isParent || saysMore(row) ? (
        // Not for the keyboard nor aloud: the arrow keys fold, and the row says whether it is.
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
        <span className="unseen">{kind.word} </span>
      </span>
      {isHit ? <span className="run-hit" title="Found by the search" /> : null}
      <span className="trace-words cut" title={row.name}>
        {row.kind === "handoff" ? (
          <HandoffWords
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
        <RowWords run={run.run_id} row={row} reader={beginnings} words={words} />
      ) : null}
      {isCritical ? (
        <span className="trace-critical" title="On the critical path">
          <span aria-hidden="true">◆</span>
          <span className="unseen"> on the critical path</span>
        </span>
      ) : null}
      {stand && stand !== "success" && row.kind !== "event" ? (
        <Status of={stand} small pulse={stand === "running"} />
      ) : null}
    </div>
  );
}

/** Whether it has words of its own that are read in place. */
function saysMore(row: Row): boolean {
  return row.kind === "thought" || row.kind === "turn";
}

function indent(depth: number): number {
  return Math.min(depth, DEEP) * STEP_PX + Math.max(0, depth - DEEP) * DEEP_STEP_PX;
}

/** The line above those whose parents no source has reported. */
export function OrphansRow({ count: amount, isRunning }: { count: number; isRunning: boolean }) {
  return (
    <div className="trace-orphans" role="treeitem" aria-level={1} aria-selected={false} tabIndex={-1}>
      <span aria-hidden="true">⋯ </span>
      {count(amount, "action")} {amount === 1 ? "waits for its parent" : "wait for their parents"}
      {isRunning ? "" : ", which no source reported"}
    </div>
  );
}
