/** The stages of an agent run as a chain of boxes, long chains folded. */
import { type MouseEvent, memo } from "react";
import { useHref, useNavigate } from "react-router";
import type { Dag } from "../api/types";
import { lookOf } from "./badges";
import { count } from "./format";
import { Name } from "./links";
import { dagPath } from "./url";

interface Props {
  runId: string;
  stages: readonly Dag[];
  /** Shows all stages; by default the completed ones in the middle of a long chain are folded. */
  isWhole?: boolean;
  onUnfold?: (() => void) | undefined;
}

/** The stages of a run in submission order, joined by arrows; each links to its DAG. */
export const StageChain = memo(function StageChain({ runId, stages, isWhole = false, onUnfold }: Props) {
  const navigate = useNavigate();
  // One listener for the chain: a router link for each of thousands of boxes makes scrolling slow.
  function onClick(event: MouseEvent): void {
    const path = (event.target as Element).closest("a")?.getAttribute("href");
    if (!path || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void navigate(path);
  }
  const chain: ChainLink[] = isWhole ? stages.map((_, stage) => ({ stage })) : foldedChain(stages);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys press its links, which brings a click
    <ol className="chain" aria-label={`Stages of ${runId}`} onClick={onClick}>
      {chain.map((link) => {
        const stage = "stage" in link ? stages[link.stage] : undefined;
        return (
          <li key={stage?.dag_id ?? `fold-${"from" in link ? link.from : ""}`} className="chain-link">
            {stage && "stage" in link ? (
              <StageBox stage={stage} />
            ) : (
              <Fold folded={"folded" in link ? link.folded : 0} onUnfold={onUnfold} />
            )}
          </li>
        );
      })}
    </ol>
  );
});

function StageBox({ stage }: { stage: Dag }) {
  const { word } = lookOf(stage.status);
  const by = cancelledBy(stage);
  const { tone, glyph } = lookOf(by === null ? stage.status : "CANCELLED");
  const progress = by === null ? progressOf(stage) : null;
  const failed = failedOf(stage);
  const jobs = `${stage.counts.completed} of ${count(stage.counts.total, "job")} completed`;
  const isRunning = stage.status === "RUNNING";
  return (
    <a
      className={`chain-stage tone-${tone}${isRunning ? " status-pulse" : ""}`}
      href={useHref(dagPath(stage))}
      title={[stage.name, `${word} · ${jobs}`, by === null ? null : `Cancelled by ${by}`].filter(Boolean).join("\n")}
      data-status={stage.status}
      data-cancelled={by === null ? undefined : ""}
    >
      <span className="status-glyph" aria-hidden="true">
        {glyph}
      </span>
      <Name of={stage.label} className="chain-label" />
      <span className="sr-only">
        , {word}, {jobs}
        {failed > 0 ? `, ${failed} failed` : ""}
        {by === null ? "" : `, cancelled by ${by}`}
      </span>
      {progress ? (
        <span className="chain-progress" aria-hidden="true">
          {progress}
        </span>
      ) : null}
      {by === null ? null : (
        <span className="chain-by truncate" aria-hidden="true">
          Cancelled by <bdi>{by}</bdi>
        </span>
      )}
      {failed > 0 ? (
        <span className="chain-failed" aria-hidden="true">
          {failed} failed
        </span>
      ) : null}
    </a>
  );
}

function Fold({ folded, onUnfold }: { folded: number; onUnfold: (() => void) | undefined }) {
  const words = `${folded} more completed stages`;
  const mark = (
    <>
      <span className="status-glyph" aria-hidden="true">
        ✓
      </span>
      <span aria-hidden="true">{folded} more</span>
      <span className="sr-only">{words}</span>
    </>
  );
  if (!onUnfold) {
    return (
      <span className="chain-stage chain-fold tone-green" title={words}>
        {mark}
      </span>
    );
  }
  return (
    <button
      type="button"
      className="chain-stage chain-fold tone-green"
      onClick={onUnfold}
      title={`${words}: show them`}
    >
      {mark}
    </button>
  );
}

const SHOWN_FIRST = 2;
const SHOWN_LAST = 9;
const WORTH_FOLDING = 3; // fewer stages take no more room than the fold

/** Returns the iteration of the run, from its highest `ITER<n>`; null without one. */
export function iterationOf(labels: readonly string[]): number | null {
  let highest: number | null = null;
  for (const label of labels) {
    const found = /(?:^|_)ITER[_-]?(\d+)(?:_|$)/i.exec(label);
    if (found) highest = Math.max(highest ?? 0, Number(found[1]));
  }
  return highest;
}

/** An item of a chain: a stage by its index, or a number of folded stages. */
type ChainLink = { stage: number } | { folded: number; from: number };

/** Returns the chain with completed stages in the middle folded; others never are. */
export function foldedChain(stages: readonly Pick<Dag, "status">[]): ChainLink[] {
  const chain: ChainLink[] = [];
  let from = SHOWN_FIRST;
  const end = stages.length - SHOWN_LAST;
  function push(first: number, beyond: number): void {
    for (let stage = first; stage < beyond; stage += 1) chain.push({ stage });
  }
  push(0, Math.min(from, stages.length));
  while (from < stages.length) {
    let beyond = from;
    while (beyond < end && stages[beyond]?.status === "COMPLETED") beyond += 1;
    if (beyond - from >= WORTH_FOLDING) chain.push({ folded: beyond - from, from });
    else push(from, beyond);
    if (beyond < stages.length) chain.push({ stage: beyond });
    from = beyond + 1;
  }
  return chain;
}

/** Returns the progress text of a stage, such as `2/4`; null when it is complete or has one job. */
export function progressOf(stage: Pick<Dag, "status" | "counts">): string | null {
  const { counts, status } = stage;
  if (status === "COMPLETED" || counts.total < 2) return null;
  return `${counts.completed}/${counts.total}`;
}

/** Returns who cancelled a stage; null while its jobs are still ending, and where nobody did. */
export function cancelledBy(stage: Pick<Dag, "is_final" | "cancelled_by">): string | null {
  return stage.is_final ? stage.cancelled_by : null;
}

/** Returns the number of failed jobs of a running stage; the status of an ended one shows it. */
export function failedOf(stage: Pick<Dag, "is_final" | "counts">): number {
  return stage.is_final ? 0 : stage.counts.failed;
}
