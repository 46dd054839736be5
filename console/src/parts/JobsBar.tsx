import type { Counts } from "../api/facts";
import { finalCount } from "../api/facts";
import "./jobsbar.css";
import "./status.css";

/** How far a DAG is: `3/12` and a thin bar of what completed, failed, was cancelled and runs. */
export function JobsBar({ counts }: { counts: Counts }) {
  const parts = [
    { tone: "green", jobs: counts.completed, word: "completed" },
    { tone: "red", jobs: counts.failed, word: "failed" },
    { tone: "grey", jobs: counts.cancelled, word: "cancelled" },
    { tone: "amber", jobs: counts.running, word: "running" },
    { tone: "blue", jobs: counts.waiting_approval, word: "waiting for approval" },
  ].filter((part) => part.jobs > 0);
  const words = [
    `${finalCount(counts)} of ${counts.total} jobs ended`,
    ...parts.map((part) => `${part.jobs} ${part.word}`),
  ];
  return (
    <div className="jobsbar" title={words.join("\n")}>
      <span className="jobsbar-numbers" aria-hidden="true">
        {finalCount(counts)}/{counts.total}
      </span>
      <span className="unseen">{words.join(", ")}</span>
      <span className="jobsbar-line" aria-hidden="true">
        {parts.map((part) => (
          <span key={part.tone} className={`jobsbar-part tone-${part.tone}`} style={{ flexGrow: part.jobs }} />
        ))}
        <span style={{ flexGrow: counts.total - parts.reduce((sum, part) => sum + part.jobs, 0) }} />
      </span>
    </div>
  );
}
