import { memo } from "react";
import { useNow } from "../../../parts/clock";
import { duration } from "../../../parts/format";
import { Name } from "../../../parts/Name";
import { lookOf } from "../../../parts/Status";
import type { Bar, Lane, Span } from "./lanes";

interface Props {
  index: number;
  lane: Lane;
  top: number;
  span: Span;
  chosen: string | null;
  /** Whether the Tab key leads to this row; arrow keys go on from there. */
  isFirst: boolean;
  onShow: (bar: Bar | null) => void;
  onChoose: (jobId: string) => void;
}

/** One row: its name, and its bars on the time axis. */
export const LaneRow = memo(function LaneRow(props: Props) {
  const { index, lane, top, chosen, isFirst } = props;
  return (
    <div className="timeline-row" data-lane={index} style={{ transform: `translateY(${top}px)` }}>
      <span className="timeline-name cut" title={lane.name}>
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

interface BarProps extends Props {
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
