import {
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useLayoutEffect,
  useRef,
} from "react";
import { LogRow } from "./LogRow";
import type { LineRange } from "./lineRange";
import type { LogClient } from "./logClient";
import { barHeight, firstLine, ROW_PX } from "./scroll";
import type { LogScroll } from "./useLogScroll";

interface Props {
  log: LogClient;
  scroll: LogScroll;
  wraps: boolean;
  chosen: LineRange | null;
  /** The line that the search stands on, from 0. */
  hit: number | null;
  onNumber: (line: number, event: MouseEvent) => void;
  onWhole: (line: number) => void;
}

const MOST_WIDE = 4000; // characters a line is cut at

/** The lines in sight. They stand in a box that stays where it is while the scroll bar moves, so nothing flashes by empty. */
export function LogView({ log, scroll, wraps, chosen, hit, onNumber, onWhole }: Props) {
  const { view, sight } = scroll;
  const rows = useRef<HTMLDivElement>(null);
  const most = Math.ceil(sight.height / ROW_PX) + 2;
  const first = view.at === "end" ? Math.max(0, sight.lines - most) : firstLine(view, sight);
  const last = view.at === "end" ? sight.lines : Math.min(sight.lines, first + most);
  const above = wraps && view.at === "line" ? Math.max(0, first - most) : first;
  log.want(above, last);

  useLayoutEffect(() => {
    if (!wraps) return;
    for (const row of rows.current?.querySelectorAll<HTMLElement>(".log-row") ?? []) {
      const line = Number(row.dataset.line);
      scroll.measure(line, log.line(line), () => row.offsetHeight);
    }
  });

  function linesFrom(from: number, to: number): ReactNode[] {
    const shown: ReactNode[] = [];
    for (let line = from; line < to; line += 1) {
      const isChosen = chosen !== null && line + 1 >= chosen.from && line + 1 <= chosen.to;
      const row = { line, content: log.line(line), isChosen, isHit: line === hit, onNumber, onWhole };
      // As many keys as rows: a row that left the window becomes one that entered it, and none is built anew.
      shown.push(<LogRow key={line % most} {...row} />);
    }
    return shown;
  }

  const wide = Math.min(log.facts.longest, MOST_WIDE) + String(sight.lines).length + 6;
  const style = {
    height: sight.height,
    minWidth: wraps ? undefined : `max(100%, ${wide}ch)`,
    "--log-digits": `${Math.max(3, String(sight.lines).length)}ch`,
  } as CSSProperties;
  return (
    <section
      className="log-scroller"
      ref={scroll.scroller}
      data-wraps={wraps || undefined}
      aria-label="Output"
      tabIndex={0}
      onScroll={scroll.onScroll}
      onKeyDown={(event) => onKey(event, scroll)}
    >
      <div className="log-length" style={{ height: barHeight(sight.lines) }}>
        <div className="log-window" style={style}>
          <div
            className="log-rows"
            ref={rows}
            data-end={view.at === "end" || undefined}
            style={view.at === "line" ? { transform: `translateY(${-Math.round(view.offset)}px)` } : undefined}
          >
            {above < first ? <div className="log-above">{linesFrom(above, first)}</div> : null}
            {linesFrom(first, last)}
          </div>
        </div>
      </div>
    </section>
  );
}

function onKey(event: KeyboardEvent, scroll: LogScroll): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
  const page = Math.max(ROW_PX, scroll.sight.height - 2 * ROW_PX);
  const steps: Record<string, number> = {
    ArrowDown: ROW_PX,
    ArrowUp: -ROW_PX,
    j: ROW_PX,
    k: -ROW_PX,
    PageDown: page,
    PageUp: -page,
    " ": event.shiftKey ? -page : page,
  };
  const step = steps[event.key];
  if (step) scroll.moveBy(step);
  else if (event.key === "Home") scroll.toTop();
  else if (event.key === "End" || event.key === "G") scroll.toEnd();
  else return;
  event.preventDefault();
}
