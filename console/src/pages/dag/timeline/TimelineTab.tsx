import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import type { Dag } from "../../../api/facts";
import { useDagAttempts } from "../../../api/job";
import { Button } from "../../../parts/Button";
import { useNow } from "../../../parts/clock";
import { Empty } from "../../../parts/Empty";
import { Failure } from "../../../parts/Failure";
import { duration } from "../../../parts/format";
import { useUrl } from "../../../parts/url";
import { BarDetail } from "./BarDetail";
import { LaneRow } from "./LaneRow";
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
const TICK_PX = 120; // of the whole chart's width, for each mark with its words

/** When each attempt ran, where, and how long it waited before: one row for each job, or for each slot of each worker. */
export function TimelineTab({ dag, chosen, onChoose }: Props) {
  const [query, change] = useUrl();
  const byWorker = query.get("rows") === "workers";
  const { data, error, refetch } = useDagAttempts(dag.dag_id, true);
  const lanes = useMemo(() => {
    const jobs = data?.jobs ?? [];
    return byWorker ? lanesByWorker(jobs) : lanesByJob(jobs);
  }, [data, byWorker]);
  if (error && !data) return <Failure of={error} again={refetch} />;
  if (!data) return <p className="faint">Reading …</p>;
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
        <Empty title="Nothing has run yet" command="titan workers join">
          Each attempt appears here as a bar when a worker takes it. A worker that waits for jobs:
        </Empty>
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

/** A length of time without the smaller unit that it has none of. */
function round(length: number): string {
  return duration(length).replace(/ 0 \w+$|\.0(?= s$)/, "");
}

function Legend() {
  return (
    <ul className="timeline-legend faint">
      <li>
        <span className="timeline-key timeline-wait" /> waited
      </li>
      <li>
        <span className="timeline-key tone-green" /> ✓ succeeded
      </li>
      <li>
        <span className="timeline-key tone-amber" /> ⟳ runs
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
