/** The lines of a log that are on the screen. */
import {
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { type AnsiSpan, type AnsiStyle, parseAnsi } from "../../components/ansi";
import { Button, CopyButton } from "../../components/Button";
import { Dialog } from "../../components/Dialog";
import { bytes } from "../../components/format";
import type { LineRange } from "./LogTools";
import type { LogClient, ShownLine } from "./logClient";
import type { Range } from "./logSearch";
import { barHeight, firstLine, type LogScroll, ROW_PX } from "./scroll";

interface Props {
  log: LogClient;
  scroll: LogScroll;
  wraps: boolean;
  chosen: LineRange | null;
  /** The line of the current match, from 0. */
  hit: number | null;
  onNumber: (line: number, event: MouseEvent) => void;
  onWhole: (line: number) => void;
}

const MOST_WIDE = 4000; // characters per line

/** The visible lines, in a box that stays fixed while the scroll bar moves, so nothing flashes. */
export function LogView({ log, scroll, wraps, chosen, hit, onNumber, onWhole }: Props) {
  const { view, viewport } = scroll;
  const rows = useRef<HTMLDivElement>(null);
  const most = Math.ceil(viewport.height / ROW_PX) + 2;
  const first = view.at === "end" ? Math.max(0, viewport.lines - most) : firstLine(view, viewport);
  const last = view.at === "end" ? viewport.lines : Math.min(viewport.lines, first + most);
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
      // Recycle rows: a row that left the window becomes one that entered it.
      shown.push(<LogRow key={line % most} {...row} />);
    }
    return shown;
  }

  const wide = Math.min(log.facts.longest, MOST_WIDE) + String(viewport.lines).length + 6;
  const style = {
    height: viewport.height,
    minWidth: wraps ? undefined : `max(100%, ${wide}ch)`,
    "--log-digits": `${Math.max(3, String(viewport.lines).length)}ch`,
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
      <div className="log-length" style={{ height: barHeight(viewport.lines) }}>
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
  const page = Math.max(ROW_PX, scroll.viewport.height - 2 * ROW_PX);
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

interface LogRowProps {
  /** From 0. */
  line: number;
  content: ShownLine | undefined;
  isChosen: boolean;
  /** Whether the current match is on it. */
  isHit: boolean;
  onNumber: (line: number, event: MouseEvent) => void;
  onWhole: (line: number) => void;
}

/** One line: its number, which links to it, and its text. */
const LogRow = memo(function LogRow({ line, content, isChosen, isHit, onNumber, onWhole }: LogRowProps) {
  return (
    <div className="log-row" data-line={line} data-chosen={isChosen || undefined} data-hit={isHit || undefined}>
      {/* Not a tab stop: the line field does the same. */}
      <a
        className="log-number"
        href={`?line=${line + 1}`}
        tabIndex={-1}
        aria-label={`Line ${line + 1}`}
        onClick={(event) => onNumber(line, event)}
      >
        {line + 1}
      </a>
      <span className="log-text">{content ? <Text content={content} /> : null}</span>
      {content?.isCut ? (
        <button type="button" className="log-whole" onClick={() => onWhole(line)}>
          … show all {bytes(content.bytes)}
        </button>
      ) : null}
    </div>
  );
});

function Text({ content }: { content: ShownLine }) {
  const pieces = useMemo(() => markedPieces(parseAnsi(content.text).spans, content.marks), [content]);
  return pieces.map((piece, place) =>
    piece.isMark ? (
      <mark key={place} className="log-mark">
        {piece.text}
      </mark>
    ) : piece.style ? (
      <span key={place} style={piece.style}>
        {piece.text}
      </span>
    ) : (
      piece.text
    ),
  );
}

const STEP_BYTES = 1 << 20;
const SLICE = 2000; // characters rendered together: slices outside the view cost nothing

/** A dialog with one long line. */
export function LongLine({ log, line, onClose }: { log: LogClient; line: number; onClose: () => void }) {
  const [most, setMost] = useState(STEP_BYTES);
  const [text, setText] = useState<string | null>(null);
  const size = log.line(line)?.bytes ?? 0;
  useEffect(() => {
    let isOver = false;
    void log.whole(line, most).then((whole) => {
      if (!isOver) setText(whole);
    });
    return () => {
      isOver = true;
    };
  }, [log, line, most]);
  const slices = useMemo(() => (text === null ? [] : slicesOf(text)), [text]);
  const isAll = size <= most;
  return (
    <Dialog
      wide
      title={`Line ${(line + 1).toLocaleString("en-US")}, ${bytes(size)}`}
      onClose={onClose}
      footer={
        <>
          {isAll ? null : <Button onClick={() => setMost(most + STEP_BYTES)}>Show {bytes(most + STEP_BYTES)}</Button>}
          {text === null ? null : <CopyButton text={text} label={isAll ? "Copy" : `Copy the first ${bytes(most)}`} />}
          <Button onClick={onClose}>Close</Button>
        </>
      }
    >
      <section className="log-long" tabIndex={0} aria-label="The line">
        {text === null ? "…" : slices.map((slice, place) => <span key={place}>{slice}</span>)}
      </section>
    </Dialog>
  );
}

function slicesOf(text: string): string[] {
  const slices: string[] = [];
  for (let at = 0; at < text.length; ) {
    // Never split a surrogate pair.
    const isHalf = (text.charCodeAt(at + SLICE - 1) & 0xfc00) === 0xd800;
    const end = at + SLICE + (isHalf ? 1 : 0);
    slices.push(text.slice(at, end));
    at = end;
  }
  return slices;
}

export interface Piece {
  readonly text: string;
  readonly style?: AnsiStyle | undefined;
  readonly isMark: boolean;
}

export function markedPieces(spans: readonly AnsiSpan[], marks: readonly Range[]): Piece[] {
  const pieces: Piece[] = [];
  let at = 0; // in the line's text
  let next = 0; // the first mark that does not end before `at`
  for (const span of spans) {
    const end = at + span.text.length;
    const begin = at;
    while (at < end) {
      while ((marks[next]?.[1] ?? Number.POSITIVE_INFINITY) <= at) next += 1;
      const [from, to] = marks[next] ?? [end, end];
      const isMark = from <= at;
      const until = Math.min(end, isMark ? to : from);
      pieces.push({ text: shown(span.text.slice(at - begin, until - begin)), style: span.style, isMark });
      at = until;
    }
  }
  return pieces;
}

/** Replaces characters that reverse the text after them. */
function shown(text: string): string {
  return text.replace(/[\u202a-\u202e]/g, "\ufffd");
}
