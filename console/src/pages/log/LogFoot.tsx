import type { Job } from "../../api/facts";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { bytes, count } from "../../parts/format";
import type { LogClient } from "./logClient";
import type { LogFacts } from "./logMessages";
import { barHeight } from "./scroll";
import type { LogScroll } from "./useLogScroll";

interface Props {
  log: LogClient | null;
  job: Job;
  scroll: LogScroll;
  isLive: boolean;
}

/** What stands over and under the lines: marks of the search, what is new, how far loading is, why there is nothing. */
export function LogFoot({ log, job, scroll, isLive }: Props) {
  const facts = log?.facts;
  if (!log || !facts) return null;
  const hasBegun = job.status === "RUNNING" || job.started_at !== null;
  const isSettled = !hasBegun || facts.phase === "following" || facts.phase === "ended";
  const isLonger = barHeight(facts.lines) > scroll.sight.height;
  return (
    <>
      {isLonger && log.found && log.found.count > 0 ? <Spread spread={log.found.spread} /> : null}
      {isSettled && facts.lines === 0 ? <NoOutput job={job} hasBegun={hasBegun} /> : null}
      {isLive && scroll.letGoAt !== null && facts.lines > 0 ? (
        <Button className="log-new" onClick={scroll.toEnd}>
          ↓ {news(facts.lines - scroll.letGoAt, scroll.letGoAt)}
        </Button>
      ) : null}
      <div className="log-foot soft">
        <span>{count(facts.lines, "line")}</span>
        <Notes facts={facts} />
        {log.failure ? <span role="alert">{log.failure.message}</span> : <PhaseWords facts={facts} isLive={isLive} />}
      </div>
    </>
  );
}

function news(lines: number, letGoAt: number): string {
  return letGoAt > 0 && lines > 0 ? count(lines, "new line") : "To the end";
}

function Notes({ facts }: { facts: LogFacts }) {
  return (
    <>
      {facts.isBinary ? <span>Not all of it is text: download it to see every byte.</span> : null}
      {facts.skipped > 0 ? (
        <span>
          The first {bytes(facts.skipped)} are not shown, and lines count from there: download it for the whole.
        </span>
      ) : null}
    </>
  );
}

function PhaseWords({ facts, isLive }: { facts: LogFacts; isLive: boolean }) {
  if (facts.phase === "loading") {
    return (
      <span className="log-loading">
        <progress value={facts.bytes} max={facts.size - facts.skipped} aria-label="Loaded" />
        {bytes(facts.bytes)} of {bytes(facts.size - facts.skipped)}
      </span>
    );
  }
  if (facts.phase === "broken") return <span>The server does not answer; trying again …</span>;
  return isLive && facts.phase === "following" ? <span>Live: lines appear as they are written</span> : null;
}

function Spread({ spread }: { spread: Uint8Array }) {
  return (
    <div className="log-spread" aria-hidden="true">
      {[...spread].map((has, part) =>
        has ? <i key={part} style={{ top: `${(part * 100) / spread.length}%` }} /> : null,
      )}
    </div>
  );
}

function NoOutput({ job, hasBegun }: { job: Job; hasBegun: boolean }) {
  const isOver = job.ended_at !== null;
  return (
    <div className="log-nothing">
      <Empty title={hasBegun || isOver ? "No output" : "The job has not begun"}>
        {isOver
          ? "The job printed nothing, or its log was deleted since."
          : hasBegun
            ? "What the job prints appears here as it comes."
            : (job.reason ?? "What it prints appears here.")}
      </Empty>
    </div>
  );
}
