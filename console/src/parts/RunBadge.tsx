import type { RunView } from "../api/recorded";
import { Status } from "./Status";
import "./runbadge.css";

type Facts = Pick<RunView, "status" | "status_source" | "reason">;

const SOURCES: Record<RunView["status_source"], string> = {
  explicit: "Its program said so",
  inferred: "Inferred: no report for a while",
  stages: "From the stages it submitted",
};

/** How a recorded run stands; on hover how that is known, and why it ended so. */
export function RunBadge({ run }: { run: Facts }) {
  const isRunning = run.status === "running";
  const words = [isRunning ? null : SOURCES[run.status_source], run.reason].filter(Boolean).join("\n");
  return (
    <span className="runbadge" title={words || undefined}>
      <Status of={run.status} pulse={isRunning} />
      {!isRunning && run.status_source === "inferred" ? <span className="faint runbadge-source">inferred</span> : null}
    </span>
  );
}
