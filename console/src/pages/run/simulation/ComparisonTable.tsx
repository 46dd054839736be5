/** The comparison of a recording with its replay, row by row. */
import { useState } from "react";
import { Link } from "react-router";
import { type ComparedRow, type Comparison, useActionOf } from "../../../api/replays";
import type { BodyView } from "../../../api/run";
import { Dialog } from "../../../components/Dialog";
import { EmptyState, ErrorNotice } from "../../../components/EmptyState";
import { runPath } from "../../../components/url";
import { Cell, VirtualTable } from "../../../components/VirtualTable";
import { align } from "../../compare/align";
import { cellText, REMARKS, STATUS_WORDS } from "./terms";

const ROW_HEIGHT = 40;

interface Props {
  run: string;
  other: string | null; // null: an execution, whose calls are not stored elsewhere
  comparison: Comparison;
}

/** The comparison table: a row for the inputs and one for the outputs of each call. Enter shows the difference. */
export function ComparisonTable({ run, other, comparison: { rows, has_more_rows: hasMore } }: Props) {
  const [isOnlyDiverged, setOnlyDiverged] = useState(false);
  const [opened, setOpened] = useState<ComparedRow | null>(null);
  const shown = isOnlyDiverged ? rows.filter((row) => row.status === "diverged") : rows;
  return (
    <>
      <div className="row">
        <h3>Comparison</h3>
        {hasMore ? <span className="soft">The first 2,000 rows.</span> : null}
        <button
          type="button"
          className="chip compare-only"
          aria-pressed={isOnlyDiverged}
          onClick={() => setOnlyDiverged(!isOnlyDiverged)}
        >
          Only differences
        </button>
      </div>
      {shown.length > 0 ? (
        <div className="simulation-table" style={{ height: `min(50vh, ${(shown.length + 1) * ROW_HEIGHT}px)` }}>
          <VirtualTable
            label="Comparison"
            rows={shown}
            keyOf={(row) => `${row.original_id} ${row.replay_id} ${row.part}`}
            columns="minmax(0, 1fr) minmax(0, 2fr) minmax(0, 2fr) 120px"
            rowHeight={ROW_HEIGHT}
            {...(other === null ? {} : { onOpen: setOpened })}
            head={
              <>
                <Cell head>Action</Cell>
                <Cell head>Original</Cell>
                <Cell head>Replay</Cell>
                <Cell head>Status</Cell>
              </>
            }
          >
            {(row) => <RowCells row={row} />}
          </VirtualTable>
        </div>
      ) : (
        <EmptyState title="No differences" />
      )}
      {opened && other !== null ? (
        <CallDiff run={run} other={other} row={opened} onClose={() => setOpened(null)} />
      ) : null}
    </>
  );
}

function RowCells({ row }: { row: ComparedRow }) {
  const remarks = row.remarks.map((remark) => REMARKS[remark] ?? remark).join("\n");
  return (
    <>
      <Cell className="simulation-name truncate">
        <bdi>{row.action}</bdi>
      </Cell>
      <Side text={cellText(row, row.original)} />
      <Side text={cellText(row, row.replay)} />
      <Cell className={`simulation-status-${row.status}`}>
        <span title={remarks || undefined}>
          {STATUS_WORDS[row.status]}
          {remarks ? " *" : ""}
        </span>
      </Cell>
    </>
  );
}

function Side({ text }: { text: string | null }) {
  return (
    <Cell className="mono truncate">
      {text === null ? <span className="faint">–</span> : <span dir="auto">{text}</span>}
    </Cell>
  );
}

interface CallDiffProps {
  run: string;
  other: string;
  row: ComparedRow;
  onClose: () => void;
}

/** The inputs and outputs of a call in both runs, line by line. */
function CallDiff({ run, other, row, onClose }: CallDiffProps) {
  const original = useActionOf(run, row.original_id);
  const replay = useActionOf(other, row.replay_id);
  const error = original.error ?? replay.error;
  const isLoading = original.isLoading || replay.isLoading;
  const [left, right] = [original.data?.bodies, replay.data?.bodies];
  return (
    <Dialog title={row.action} onClose={onClose} wide>
      {error ? <ErrorNotice of={error} /> : null}
      {isLoading ? <p className="faint">Loading …</p> : null}
      <div className="simulation-sides">
        <CallSide word="Original" run={run} action={row.original_id} />
        <CallSide word="Replay" run={other} action={row.replay_id} />
      </div>
      {isLoading || error ? null : (
        <>
          <Lines title="Inputs" original={left?.inputs} replay={right?.inputs} />
          <Lines title="Outputs" original={left?.outputs} replay={right?.outputs} />
          {left?.failure || right?.failure ? (
            <div className="simulation-sides">
              <span>{left?.failure ? `${left.failure.type}: ${left.failure.message}` : "–"}</span>
              <span>{right?.failure ? `${right.failure.type}: ${right.failure.message}` : "–"}</span>
            </div>
          ) : null}
        </>
      )}
    </Dialog>
  );
}

function CallSide({ word, run, action }: { word: string; run: string; action: string | null }) {
  return (
    <h3>
      {word} {action ? <Link to={runPath(run, action)}>Open</Link> : <span className="faint">not called</span>}
    </h3>
  );
}

type MaybeBody = BodyView | null | undefined;

function Lines({ title, original, replay }: { title: string; original: MaybeBody; replay: MaybeBody }) {
  const pairs = linePairs(original?.text ?? null, replay?.text ?? null);
  if (pairs.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <div className="simulation-diff mono" role="region" aria-label={title} tabIndex={0}>
        {pairs.map((pair, at) => (
          <div key={at} className="simulation-line" data-differs={pair.isEqual ? undefined : ""}>
            <span>{pair.original}</span>
            <span>{pair.replay}</span>
          </div>
        ))}
      </div>
    </>
  );
}

interface LinePair {
  original: string | null;
  replay: string | null;
  isEqual: boolean;
}

/** Returns the aligned lines of both, with sorted keys, because their order does not matter. */
export function linePairs(original: string | null, replay: string | null): LinePair[] {
  const [a, b] = [linesOf(original), linesOf(replay)];
  const pairs: LinePair[] = [];
  let [left, right]: [string[], string[]] = [[], []];
  function flush(): void {
    for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
      pairs.push({ original: left[at] ?? null, replay: right[at] ?? null, isEqual: false });
    }
    [left, right] = [[], []];
  }
  for (const pair of align(a, b).pairs) {
    if (pair.a !== null && pair.b !== null) {
      flush();
      pairs.push({ original: a[pair.a] ?? null, replay: b[pair.b] ?? null, isEqual: true });
    } else if (pair.a !== null) left.push(a[pair.a] ?? "");
    else if (pair.b !== null) right.push(b[pair.b] ?? "");
  }
  flush();
  return pairs;
}

function linesOf(text: string | null): string[] {
  if (text === null) return [];
  try {
    return JSON.stringify(inOrder(JSON.parse(text)), null, 2).split("\n");
  } catch {
    return text.split("\n"); // truncated
  }
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, inOrder(item)]));
}
