import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, useMemo, useRef, useState } from "react";
import { useDagAttempts } from "../../../api/dags";
import type { Dag } from "../../../api/types";
import { Button } from "../../../components/Button";
import { lookOf } from "../../../components/badges";
import { EmptyState, ErrorNotice } from "../../../components/EmptyState";
import { duration } from "../../../components/format";
import { Name } from "../../../components/links";
import { Time, useNow } from "../../../components/Time";
import { useUrl } from "../../../components/url";
import { endOf } from "../dagEvents";
import { type Bar, type Lane, lanesByJob, lanesByWorker, type Span, spanOf, ticks } from "./lanes";
import "./timeline.css";

interface Props {
  dag: Dag;
  chosen: string | null;
  onChoose: (jobId: string) => void;
}

const ROW_HEIGHT = 28;
const AXIS_HEIGHT = 27;
const MOST_TICKS = 8;
const TICK_PX = 120; // of the chart's width, for each labelled mark

/** The timeline: when and where each attempt ran and how long it waited, by job or by worker slot. */
export function TimelineTab({ dag, chosen, onChoose }: Props) {
  const [query, change] = useUrl();
  const byWorker = query.get("rows") === "workers";
  const { data, error, refetch } = useDagAttempts(dag.dag_id, true);
  const lanes = useMemo(() => {
    const jobs = data?.jobs ?? [];
    return byWorker ? lanesByWorker(jobs) : lanesByJob(jobs);
  }, [data, byWorker]);
  if (error && !data) return <ErrorNotice of={error} onRetry={refetch} />;
  if (!data) return <p className="faint">Loading …</p>;
  return (
    <div className="timeline">
      <div className="row">
        <Button aria-pressed={!byWorker} onClick={() => change({ rows: null })}>
          By job
        </Button>
        <Button aria-pressed={byWorker} onClick={() => change({ rows: "workers" })}>
          By worker
        </Button>
        <Legend />
      </div>
      {lanes.length === 0 ? (
        <EmptyState title="Nothing has run yet" command="titan workers join">
          Each attempt appears here when a worker takes it. To start a worker:
        </EmptyState>
      ) : (
        <Chart lanes={lanes} isOver={dag.is_final} chosen={chosen} onChoose={onChoose} />
      )}
    </div>
  );
}

interface ChartProps {
  lanes: readonly Lane[];
  isOver: boolean;
  chosen: string | null;
  onChoose: (jobId: string) => void;
}

function Chart({ lanes, isOver, chosen, onChoose }: ChartProps) {
  const now = useNow();
  const span = useMemo(() => spanOf(lanes, isOver ? 0 : now), [lanes, isOver, now]);
  const scroller = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<Bar | null>(null);
  const virtual = useVirtualizer({
    count: lanes.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
    scrollMargin: AXIS_HEIGHT,
    scrollPaddingStart: AXIS_HEIGHT,
  });
  function onKey(event: KeyboardEvent<HTMLDivElement>): void {
    const here = (event.target as HTMLElement).closest<HTMLElement>("[data-bar]");
    const row = Number(here?.closest<HTMLElement>("[data-lane]")?.dataset.lane ?? Number.NaN);
    if (!here || Number.isNaN(row) || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const next = event.key === "ArrowRight" ? here.nextElementSibling : here.previousElementSibling;
      if (next instanceof HTMLElement) next.focus();
      return;
    }
    const to = Math.max(0, Math.min(lanes.length - 1, row + (event.key === "ArrowDown" ? 1 : -1)));
    virtual.scrollToIndex(to);
    window.requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-lane="${to}"] [data-bar]`)?.focus({ preventScroll: true }),
    );
  }
  return (
    <div className="timeline-chart card">
      <div ref={scroller} className="timeline-rows" onKeyDown={onKey} role="group" aria-label="Attempts">
        <Axis span={span} width={virtual.scrollRect?.width ?? 0} />
        <div style={{ height: virtual.getTotalSize() }} className="timeline-all">
          {virtual.getVirtualItems().map((item) => (
            <LaneRow
              key={lanes[item.index]?.key ?? item.key}
              index={item.index}
              lane={lanes[item.index] as Lane}
              top={item.start - AXIS_HEIGHT}
              span={span}
              chosen={chosen}
              isFirst={item.index === 0}
              onShow={setShown}
              onChoose={onChoose}
            />
          ))}
        </div>
      </div>
      <BarDetail bar={shown} />
    </div>
  );
}

function Axis({ span, width }: { span: Span; width: number }) {
  const length = span.to - span.from;
  const most = Math.max(2, Math.min(MOST_TICKS, Math.floor(width / TICK_PX)));
  return (
    <div className="timeline-axis" aria-hidden="true">
      <div className="timeline-ticks">
        {ticks(span, most).map((at) => (
          <span key={at} style={{ left: `${(at / length) * 100}%` }}>
            {at === 0 ? "0" : `+${round(at)}`}
          </span>
        ))}
      </div>
    </div>
  );
}

/** A duration without its zero units. */
function round(length: number): string {
  return duration(length).replace(/ 0 \w+$|\.0(?= s$)/, "");
}

function Legend() {
  return (
    <ul className="timeline-legend faint">
      <li>
        <span className="timeline-key timeline-wait" /> waiting
      </li>
      <li>
        <span className="timeline-key tone-green" /> ✓ succeeded
      </li>
      <li>
        <span className="timeline-key tone-amber" /> ⟳ running
      </li>
      <li>
        <span className="timeline-key tone-red" data-bad="" /> ✕ failed
      </li>
      <li>
        <span className="timeline-key tone-blue" /> ◇ gate open
      </li>
    </ul>
  );
}

interface LaneRowProps {
  index: number;
  lane: Lane;
  top: number;
  span: Span;
  chosen: string | null;
  /** Whether Tab focuses this row; arrow keys move on from it. */
  isFirst: boolean;
  onShow: (bar: Bar | null) => void;
  onChoose: (jobId: string) => void;
}

/** One row: its name and its bars. */
const LaneRow = memo(function LaneRow(props: LaneRowProps) {
  const { index, lane, top, chosen, isFirst } = props;
  return (
    <div className="timeline-row" data-lane={index} style={{ transform: `translateY(${top}px)` }}>
      <span className="timeline-name truncate" title={lane.name}>
        {lane.slot === null ? <Name of={lane.name} /> : <bdi>{lane.name}</bdi>}
        {lane.slot === null ? null : <span className="faint"> slot {lane.slot}</span>}
      </span>
      <div className="timeline-track">
        {lane.bars.map((bar, at) => (
          <OneBar
            key={bar.key}
            {...props}
            bar={bar}
            isChosen={bar.job.job_id === chosen}
            isTabStop={isFirst && at === 0}
          />
        ))}
      </div>
    </div>
  );
});

interface BarProps extends LaneRowProps {
  bar: Bar;
  isChosen: boolean;
  isTabStop: boolean;
}

function OneBar({ bar, span, isChosen, isTabStop, onShow, onChoose }: BarProps) {
  const now = useNow();
  const length = span.to - span.from;
  const to = bar.to ?? Math.max(now, bar.from);
  const left = ((bar.waitedFrom - span.from) / length) * 100;
  const width = ((to - bar.waitedFrom) / length) * 100;
  const waited = to > bar.waitedFrom ? ((Math.min(bar.from, to) - bar.waitedFrom) / (to - bar.waitedFrom)) * 100 : 0;
  const { tone, glyph } = toneOf(bar);
  return (
    <button
      type="button"
      className={`timeline-bar tone-${tone}`}
      data-bar=""
      data-outcome={bar.outcome}
      data-bad={isBad(bar) ? "" : undefined}
      data-chosen={isChosen || undefined}
      tabIndex={isTabStop ? 0 : -1}
      aria-label={wordsOf(bar, to)}
      style={{ left: `${left}%`, width: `max(${width}%, 4px)` }}
      onMouseEnter={() => onShow(bar)}
      onMouseLeave={() => onShow(null)}
      onFocus={() => onShow(bar)}
      onBlur={() => onShow(null)}
      onClick={() => onChoose(bar.job.job_id)}
    >
      <span className="timeline-wait" style={{ width: `${bar.outcome === "waiting" ? 100 : waited}%` }} />
      {bar.outcome === "waiting" ? null : <span className="timeline-run">{glyph}</span>}
    </button>
  );
}

function isBad(bar: Bar): boolean {
  return ["failed", "timed_out", "lost"].includes(bar.outcome);
}

function toneOf(bar: Bar): { tone: string; glyph: string } {
  if (bar.outcome === "gate") return { tone: "blue", glyph: "◇" };
  if (bar.outcome === "running") return lookOf("RUNNING");
  if (bar.outcome === "timed_out") return { tone: "red", glyph: "⊗" };
  return lookOf(bar.outcome);
}

function wordsOf(bar: Bar, to: number): string {
  const attempt = bar.attempt ? `attempt ${bar.attempt.attempt} on ${bar.attempt.worker}, ` : "";
  const took = bar.outcome === "waiting" ? "" : `, ${duration(to - bar.from)}`;
  const waited = bar.from > bar.waitedFrom || bar.outcome === "waiting";
  const wait = waited ? `, waited ${duration((bar.outcome === "waiting" ? to : bar.from) - bar.waitedFrom)}` : "";
  return `${bar.job.name}: ${attempt}${bar.outcome.replace("_", " ")}${took}${wait}`;
}

/** The description of the bar under the pointer or focus. */
function BarDetail({ bar }: { bar: Bar | null }) {
  return (
    <p className="timeline-detail" aria-live="polite">
      {bar ? <Words bar={bar} /> : <span className="faint">Point at a bar, or use Tab and the arrow keys.</span>}
    </p>
  );
}

function Words({ bar }: { bar: Bar }) {
  const now = useNow();
  const wait = (bar.outcome === "waiting" ? now : bar.from) - bar.waitedFrom;
  return (
    <>
      <strong dir="auto">{bar.job.name}</strong>
      <span className="soft">
        {bar.attempt ? (
          <>
            attempt {bar.attempt.attempt} on <bdi>{bar.attempt.worker}</bdi>, {endOf(bar.attempt)}
          </>
        ) : bar.outcome === "gate" ? (
          "gate"
        ) : (
          (bar.job.reason ?? "waits for a worker")
        )}
      </span>
      <span className="soft">
        from <Time at={new Date(bar.from).toISOString()} />
      </span>
      {wait > 0 ? <span className="soft">waited {duration(wait)}</span> : null}
      {bar.to === null && bar.outcome !== "waiting" ? (
        <span className="soft">for {duration(Math.max(0, now - bar.from))} so far</span>
      ) : null}
    </>
  );
}
