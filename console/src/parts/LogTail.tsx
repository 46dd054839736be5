import { memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { FollowedLog } from "./followLog";
import { count } from "./format";
import type { TailLine } from "./tailLines";
import { tailLog } from "./tailLog";
import "./logtail.css";

const LINES = 500;

interface Props {
  jobId: string;
  jobName: string;
  /** Whether the job will write no more, as things stand; a retry makes it write again. */
  isFinal: boolean;
}

/** The last 500 lines of a job's log, as they are written. It stays at its end, unless somebody scrolled up. */
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
      {lines?.length === 0 && !problem ? (
        <p className="faint">{isFinal ? "It wrote nothing." : "Nothing written yet."}</p>
      ) : null}
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
