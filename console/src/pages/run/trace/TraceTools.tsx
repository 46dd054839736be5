/** The toolbar and the time axis of the Trace tab. */
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Row } from "../../../api/recording";
import { Button } from "../../../components/Button";
import { count } from "../../../components/format";
import { RunSearch, type Search } from "../RunSearch";
import { callsOf, callsWords } from "../telemetry/calls";
import { marksIn, moved, placeWords, type TimeRange, zoomed } from "./timeRange";
import { hasChildren, rowAt, type Tree } from "./tree";

interface Props {
  tree: Tree;
  range: TimeRange;
  fullRange: TimeRange;
  chosen: Row | null;
  nowUs: number;
  isCritical: boolean;
  search: Search;
  onGo: (step: 1 | -1) => void;
  onRange: (range: TimeRange) => void;
  onChange: (changes: Record<string, string | null>) => void;
}

const AROUND = 0.1; // of its length, as margin around an action

/** The toolbar of the Trace tab. */
export function TraceTools({
  tree,
  range,
  fullRange,
  chosen,
  nowUs,
  isCritical,
  search,
  onGo,
  onRange,
  onChange,
}: Props) {
  const middle = chosen?.startUs ?? (range.from + range.to) / 2;
  const listed = useMemo(() => listedWords(tree.rows), [tree]);
  const isWhole = range.from <= fullRange.from && range.to >= fullRange.to;
  return (
    <div className="run-tools row">
      <RunSearch q={search.q} onChange={(q) => onChange({ q })} onGo={onGo} />
      <fieldset className="row plain-fieldset">
        <legend className="sr-only">Time in sight</legend>
        <Button
          aria-label="Zoom in"
          title="Zoom in (Ctrl and the wheel over the bars)"
          onClick={() => onRange(zoomed(range, 0.5, middle, fullRange))}
        >
          +
        </Button>
        <Button
          aria-label="Zoom out"
          title="Zoom out (Ctrl and the wheel over the bars)"
          disabled={isWhole}
          onClick={() => onRange(zoomed(range, 2, middle, fullRange))}
        >
          −
        </Button>
        <Button
          aria-label="Earlier"
          title="Earlier"
          disabled={isWhole}
          onClick={() => onRange(moved(range, -0.5, fullRange))}
        >
          ←
        </Button>
        <Button
          aria-label="Later"
          title="Later"
          disabled={isWhole}
          onClick={() => onRange(moved(range, 0.5, fullRange))}
        >
          →
        </Button>
        <Button disabled={isWhole} onClick={() => onRange(fullRange)}>
          Whole run
        </Button>
        <Button
          disabled={!chosen}
          onClick={() => chosen && onRange(zoomed(spanOf(chosen, nowUs), 1, chosen.startUs, fullRange))}
        >
          This action
        </Button>
      </fieldset>
      <Button
        aria-pressed={isCritical}
        title="The actions that determined how long the run took"
        onClick={() => onChange({ critical: isCritical ? null : "1" })}
      >
        Critical path
      </Button>
      <Button onClick={() => onChange({ fold: null })}>Unfold all</Button>
      <Button onClick={() => onChange({ fold: outermost(tree).join() })}>Fold all</Button>
      <span className="run-count faint" role="status">
        {search.words ?? listed}
        {isWhole ? null : ` · ${placeWords(Math.round(range.from))} to ${placeWords(Math.round(range.to))}`}
      </span>
    </div>
  );
}

/** Returns the number of actions and of all rows. */
function listedWords(rows: readonly Row[]): string {
  const calls = callsOf(rows);
  const actions = callsWords(calls);
  return calls.length === rows.length ? actions : `${actions} in ${count(rows.length, "row")}`;
}

function spanOf(row: Row, nowUs: number): TimeRange {
  const length = row.durationUs ?? Math.max(0, nowUs - row.startUs);
  const around = Math.max(100, length * AROUND);
  return { from: row.startUs - around, to: row.startUs + length + around };
}

const MOST_FOLDED = 100; // ids that fit into an address

/** Returns the outermost groups; below a single root, its groups. */
function outermost(tree: Tree): string[] {
  const ids: string[] = [];
  const isAlone = tree.end[0] === tree.order.length;
  for (let place = isAlone ? 1 : 0; place < tree.order.length; place = tree.end[place] ?? place + 1) {
    if (hasChildren(tree, place)) ids.push(rowAt(tree, place).id);
  }
  return ids.slice(0, MOST_FOLDED);
}

const MARK_PX = 96; // of the axis, for each labelled mark
const LETTER_PX = 8; // a mark near the end has no label

/** The time axis, with lines through the list. */
export function TraceAxis({ range, height }: { range: TimeRange; height: number }) {
  const axis = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    if (axis.current) observer.observe(axis.current);
    return () => observer.disconnect();
  }, []);
  const length = range.to - range.from;
  const marks = marksIn(range, width / MARK_PX).map((at) => ({ at, share: (at - range.from) / length }));
  return (
    <>
      <div className="trace-axis" aria-hidden="true">
        <div ref={axis} className="trace-marks">
          {marks.map(({ at, share }) => (
            <span key={at} style={{ left: `${share * 100}%` }}>
              {(1 - share) * width >= placeWords(at).length * LETTER_PX ? placeWords(at) : null}
            </span>
          ))}
        </div>
      </div>
      <div className="trace-lines" aria-hidden="true" style={{ height }}>
        <div className="trace-marks">
          {marks.map(({ at, share }) => (
            <span key={at} style={{ left: `${share * 100}%` }} />
          ))}
        </div>
      </div>
    </>
  );
}
