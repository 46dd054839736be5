/** Badges and bars: statuses, job counts, progress, intercept reasons, success rates and determinism scores. */

import type { Band } from "../api/replays";
import {
  type AgentView,
  type Counts,
  finalCount,
  type InterceptReason,
  type ProgressView,
  type RunView,
} from "../api/types";
import { NOTHING, rate } from "./format";

interface Look {
  tone: "green" | "amber" | "red" | "purple" | "grey" | "blue";
  glyph: string;
  word: string;
}

/**
 * Every status of jobs, stages, runs, gates, attempts and workers with a colour, a glyph and a word, so that none
 * relies on colour alone.
 */
const LOOKS: Record<string, Look> = {
  COMPLETED: { tone: "green", glyph: "✓", word: "Completed" },
  RUNNING: { tone: "amber", glyph: "⟳", word: "Running" },
  FAILED: { tone: "red", glyph: "✕", word: "Failed" },
  PARTIAL: { tone: "purple", glyph: "◐", word: "Partial" },
  WAITING: { tone: "grey", glyph: "…", word: "Waiting" },
  READY: { tone: "grey", glyph: "◷", word: "Ready" },
  WAITING_APPROVAL: { tone: "blue", glyph: "◇", word: "Needs approval" },
  CANCELLED: { tone: "grey", glyph: "⊘", word: "Cancelled" },
  running: { tone: "blue", glyph: "⟳", word: "Running" },
  completed: { tone: "green", glyph: "✓", word: "Completed" },
  failed: { tone: "red", glyph: "✕", word: "Failed" },
  pending: { tone: "grey", glyph: "…", word: "Pending" },
  cancelled: { tone: "grey", glyph: "⊘", word: "Cancelled" },
  open: { tone: "blue", glyph: "◇", word: "Open" },
  waiting: { tone: "grey", glyph: "…", word: "Not yet open" },
  approved: { tone: "green", glyph: "✓", word: "Approved" },
  rejected: { tone: "red", glyph: "✕", word: "Rejected" },
  expired: { tone: "red", glyph: "⊗", word: "Expired" },
  succeeded: { tone: "green", glyph: "✓", word: "Succeeded" },
  timed_out: { tone: "red", glyph: "⊗", word: "Timed out" },
  lost: { tone: "red", glyph: "⚠", word: "Lost" },
  returned: { tone: "grey", glyph: "↩", word: "Returned" },
  success: { tone: "green", glyph: "✓", word: "Success" },
  error: { tone: "red", glyph: "✕", word: "Error" },
  blocked: { tone: "purple", glyph: "⊘", word: "Blocked" },
  replayed: { tone: "grey", glyph: "↻", word: "Replayed" },
  idempotent_replay: { tone: "grey", glyph: "⇉", word: "Idempotent replay" },
  connected: { tone: "green", glyph: "●", word: "Connected" },
  draining: { tone: "amber", glyph: "◒", word: "Draining" },
  left: { tone: "grey", glyph: "○", word: "Left" },
};

export function lookOf(status: string): Look {
  return LOOKS[status] ?? { tone: "grey", glyph: "•", word: status };
}

/** A status badge; `small` shows the glyph and puts the word into the tooltip. */
export function Status({ of, small = false, pulse = false }: { of: string; small?: boolean; pulse?: boolean }) {
  const { tone, glyph, word } = lookOf(of);
  const classes = `status tone-${tone}${small ? " status-small" : ""}${pulse ? " status-pulse" : ""}`;
  return (
    <span className={classes} title={small ? word : undefined}>
      <span className="status-glyph" aria-hidden="true">
        {glyph}
      </span>
      <span className={small ? "sr-only" : undefined}>{word}</span>
    </span>
  );
}

type Facts = Pick<RunView, "status" | "status_source" | "reason">;

const SOURCES: Record<RunView["status_source"], string> = {
  explicit: "Reported by its program",
  inferred: "Inferred: no report for a while",
  stages: "From the stages it submitted",
};

/** The status of a recorded run; the tooltip has its source and reason. */
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

/** The progress of a DAG: `3/12` and a bar of its job counts. */
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
      <span className="sr-only">{words.join(", ")}</span>
      <span className="jobsbar-line" aria-hidden="true">
        {parts.map((part) => (
          <span key={part.tone} className={`jobsbar-part tone-${part.tone}`} style={{ flexGrow: part.jobs }} />
        ))}
        <span style={{ flexGrow: counts.total - parts.reduce((sum, part) => sum + part.jobs, 0) }} />
      </span>
    </div>
  );
}

/** The progress of a running run: reported, estimated (≈) or indeterminate. */
export function Progress({ of }: { of: ProgressView | null }) {
  if (!of)
    return <progress className="progress" aria-label="Running, progress unknown" title="Running, progress unknown" />;
  const isEstimated = of.source === "estimated";
  const percent = `${isEstimated ? "≈ " : ""}${Math.floor(of.share * 100)} %`;
  const steps = of.done === null || of.total === null ? null : `${of.done} of ${of.total}`;
  const why = isEstimated
    ? "Estimated from the actions of this agent's last completed runs"
    : "Reported by its program";
  return (
    <span className="progress-label" title={steps ? `${steps}\n${why}` : why}>
      <progress className="progress" max={1} value={of.share} aria-label={`${percent} done`} />
      <span>{percent}</span>
    </span>
  );
}

const KINDS: Record<InterceptReason["kind"], { tone: string; word: string }> = {
  error: { tone: "red", word: "Error" },
  entries_lost: { tone: "amber", word: "Lost" },
  over_budget: { tone: "amber", word: "Over budget" },
  high_intervention: { tone: "purple", word: "Often blocked" },
};

/** The reasons why a run needs attention. */
export function Reasons({ of }: { of: readonly InterceptReason[] }) {
  return (
    <span className="reasons">
      {of.map(({ kind, text }) => {
        const { tone, word } = KINDS[kind];
        return (
          <span key={kind} className={`reason tone-${tone}`} title={`${word}: ${text}`}>
            <b>{word}</b>
            <bdi className="truncate">{text}</bdi>
          </span>
        );
      })}
    </span>
  );
}

/** A determinism score with the colour and glyph of its band; "–" when unknown. */
export function DeterminismScore({ of, digits = 0 }: { of: number | null; digits?: number }) {
  if (of === null) return <span title="No score yet">{NOTHING}</span>;
  const { name, range, glyph, color } = BANDS[bandOf(Math.floor(of))];
  return (
    <span className="determinism-score" data-band={color} title={`${name} (${range})`}>
      <span aria-hidden="true">{glyph}</span> {of.toFixed(digits)}
      <span className="sr-only"> of 100: {name}</span>
    </span>
  );
}

export const BANDS: Record<Band, { name: string; range: string; glyph: string; color: string }> = {
  highly_deterministic: { name: "Highly deterministic", range: "90–100", glyph: "●", color: "green" },
  moderately_deterministic: { name: "Moderately deterministic", range: "70–89", glyph: "◕", color: "yellow" },
  low_determinism: { name: "Low determinism", range: "50–69", glyph: "◑", color: "orange" },
  highly_non_deterministic: { name: "Highly non-deterministic", range: "0–49", glyph: "○", color: "red" },
};

/** Returns the band of a score. */
export function bandOf(score: number): Band {
  if (score >= 90) return "highly_deterministic";
  if (score >= 70) return "moderately_deterministic";
  return score >= 50 ? "low_determinism" : "highly_non_deterministic";
}

const NUMBER = new Intl.NumberFormat("en-US");
const ENOUGH = 20; // with fewer runs one failure moves the rate by over 5 %

interface CompletedRunsProps {
  of: Pick<AgentView, "completed" | "failed">;
  /** Whether the rate is only in the tooltip. */
  isBrief?: boolean;
}

/** How many of an agent's runs completed, of those that completed or failed; a rate only where they are enough for one. */
export function CompletedRuns({ of: { completed, failed }, isBrief = false }: CompletedRunsProps) {
  const ended = completed + failed;
  if (ended === 0) return <span title="No run has ended yet">{rate(null)}</span>;
  const share = ended < ENOUGH ? "too few runs for a rate" : rate(completed / ended);
  return (
    <span title={`Of the runs that completed or failed: ${share}`}>
      {NUMBER.format(completed)} of {NUMBER.format(ended)}
      {isBrief || ended < ENOUGH ? null : <span className="faint"> ({share})</span>}
    </span>
  );
}
