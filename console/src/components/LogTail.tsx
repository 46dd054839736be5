/** The last lines of a job's log, updated as they are written. */
import { memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import { ofProject } from "../api/project";
import { type AnsiSpan, type AnsiState, PLAIN, parseAnsi } from "./ansi";
import { type FollowedLog, followLog } from "./followLog";
import { count } from "./format";

const LINES = 500;

interface Props {
  jobId: string;
  jobName: string;
  /** Whether the job has ended; a retry makes it write again. */
  isFinal: boolean;
}

/** The last 500 lines of a job's log, live. It scrolls along unless somebody scrolled up. */
export function LogTail({ jobId, jobName, isFinal }: Props) {
  const [lines, setLines] = useState<readonly TailLine[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const tail = useRef<FollowedLog | null>(null);
  useEffect(() => {
    setLines(null);
    setProblem(null);
    isAtEnd.current = true;
    tail.current = tailLog(jobId, LINES, { onLines: setLines, onProblem: setProblem });
    return () => tail.current?.close();
  }, [jobId]);
  useEffect(() => tail.current?.setLive(!isFinal), [isFinal]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines are what moves the end
  useLayoutEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  return (
    <div
      ref={box}
      className="logtail"
      role="log"
      aria-live="off"
      aria-label={`Log of ${jobName}`}
      tabIndex={0}
      onScroll={(event) => {
        const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 24;
      }}
    >
      {problem ? (
        <p className="faint" role="status" dir="auto">
          {problem}
        </p>
      ) : null}
      {lines?.map((line) => (
        <Line key={line.number} line={line} />
      ))}
      {lines?.length === 0 && !problem ? <p className="faint">{isFinal ? "No output." : "No output yet."}</p> : null}
    </div>
  );
}

const Line = memo(function Line({ line }: { line: TailLine }) {
  return (
    <div className="logtail-line" dir="auto">
      {line.spans.map((span, index) => (
        <span key={index} style={span.style}>
          {span.text}
        </span>
      ))}
      {line.cut > 0 ? <span className="faint"> … {count(line.cut, "more character")} in the full log</span> : null}
      {line.spans.length === 0 ? "\u200b" : null}
    </div>
  );
});

interface TailLine {
  /** Increases; a line keeps its number. */
  number: number;
  spans: readonly AnsiSpan[];
  /** The number of characters cut off. */
  cut: number;
}

const LONGEST_LINE = 4000; // longer lines are of no use on a page

export class TailLines {
  /** The last line as far as it has arrived. */
  private rest = "";
  private state: AnsiState = PLAIN;
  private lines: TailLine[] = [];
  private next = 1;
  private readonly most: number;
  private skipsFirst: boolean;

  /** With `isMiddle` the text starts within a line, which is dropped. */
  constructor(most: number, isMiddle: boolean) {
    this.most = most;
    this.skipsFirst = isMiddle;
  }

  add(text: string): void {
    const parts = (this.rest + text).split("\n");
    this.rest = parts.pop() ?? "";
    if (this.skipsFirst && parts.length > 0) {
      parts.shift();
      this.skipsFirst = false;
    }
    // Skip parsing lines that would be dropped.
    const kept = parts.slice(-this.most);
    this.next += parts.length - kept.length;
    const lines = kept.map((part) => this.lineOf(part));
    this.lines = [...this.lines, ...lines].slice(-this.most);
  }

  /** Returns the lines; the last may be incomplete. */
  shown(): readonly TailLine[] {
    if (!this.rest || this.skipsFirst) return this.lines;
    const { spans } = parseAnsi(this.rest.slice(0, LONGEST_LINE), this.state);
    const open = { number: this.next, spans, cut: Math.max(0, this.rest.length - LONGEST_LINE) };
    return [...this.lines, open].slice(-this.most);
  }

  private lineOf(text: string): TailLine {
    const { spans, state } = parseAnsi(text.slice(0, LONGEST_LINE), this.state);
    this.state = state;
    const line = { number: this.next, spans, cut: Math.max(0, text.length - LONGEST_LINE) };
    this.next += 1;
    return line;
  }
}

const END_BYTES = 128 * 1024; // 500 lines of usual length and more
const SHOW_MS = 100; // a fast log is drawn ten times a second

interface Hear {
  onLines: (lines: readonly TailLine[]) => void;
  onProblem: (problem: string | null) => void;
}

/** Reports the last `most` lines whenever they change, until it is closed. */
export function tailLog(jobId: string, most: number, hear: Hear): FollowedLog {
  const decoder = new TextDecoder();
  let tail: TailLines | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  function show(): void {
    clearTimeout(timer);
    timer = undefined;
    if (tail) hear.onLines(tail.shown());
  }
  const followed = followLog(ofProject(`/api/jobs/${encodeURIComponent(jobId)}/log`), END_BYTES, false, {
    onSize(size, skipped) {
      hear.onProblem(null);
      tail ??= new TailLines(most, skipped > 0);
      if (size === 0) show();
    },
    onBytes(bytes) {
      tail?.add(decoder.decode(bytes, { stream: true }));
      timer ??= setTimeout(show, SHOW_MS);
      return true;
    },
    onEnd(end) {
      show();
      if (end === "broken") hear.onProblem("The server does not respond. Retrying …");
    },
    onRefusal(status, message) {
      hear.onProblem(`The server refused the log (HTTP ${status}): ${message}`);
    },
  });
  return {
    setLive: followed.setLive,
    close() {
      clearTimeout(timer);
      followed.close();
    },
  };
}
