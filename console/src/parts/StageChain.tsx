import { type MouseEvent, memo } from "react";
import { useHref, useNavigate } from "react-router";
import type { Dag } from "../api/facts";
import { count } from "./format";
import { Name } from "./Name";
import { lookOf } from "./Status";
import { cancelledBy, failedOf, foldedChain, type Link as InChain, progressOf, stageLabels } from "./stages";
import { dagPath } from "./url";
import "./stagechain.css";
import "./status.css";

interface Props {
  runId: string;
  stages: readonly Dag[];
  /** Shows every stage of a long chain; without it the completed ones of its middle are folded. */
  isWhole?: boolean;
  onUnfold?: (() => void) | undefined;
}

/** The stages of a run in the order they were submitted, with arrows between; each opens that very submission. */
export const StageChain = memo(function StageChain({ runId, stages, isWhole = false, onUnfold }: Props) {
  const navigate = useNavigate();
  // One listener for the chain: a router's link for each of thousands of boxes makes scrolling past them slow.
  function onClick(event: MouseEvent): void {
    const path = (event.target as Element).closest("a")?.getAttribute("href");
    if (!path || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void navigate(path);
  }
  const labels = stageLabels(
    runId,
    stages.map((stage) => stage.name),
  );
  const chain: InChain[] = isWhole ? stages.map((_, stage) => ({ stage })) : foldedChain(stages);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys press its links, which brings a click
    <ol className="chain" aria-label={`Stages of ${runId}`} onClick={onClick}>
      {chain.map((link) => {
        const stage = "stage" in link ? stages[link.stage] : undefined;
        return (
          <li key={stage?.dag_id ?? `fold-${"from" in link ? link.from : ""}`} className="chain-link">
            {stage && "stage" in link ? (
              <StageBox stage={stage} label={labels[link.stage] ?? stage.name} />
            ) : (
              <Fold folded={"folded" in link ? link.folded : 0} onUnfold={onUnfold} />
            )}
          </li>
        );
      })}
    </ol>
  );
});

function StageBox({ stage, label }: { stage: Dag; label: string }) {
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
      <Name of={label} className="chain-label" />
      <span className="unseen">
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
        <span className="chain-by cut" aria-hidden="true">
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
      <span className="unseen">{words}</span>
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
