import { memo } from "react";
import { Link } from "react-router";
import { Cost } from "../../parts/Cost";
import { duration } from "../../parts/format";
import { Name } from "../../parts/Name";
import { Cell } from "../../parts/RowList";
import { Status } from "../../parts/Status";
import { runPath } from "../../parts/url";
import type { Call, ComparedCall } from "./differences";

/** The cells of a call that both runs made, or one alone. */
export const CallCells = memo(function CallCells({
  call,
  runs,
}: {
  call: ComparedCall;
  runs: readonly [string, string];
}) {
  const { a, b, differences } = call;
  const mark = !a ? "+" : !b ? "−" : differences.length > 0 ? "≠" : "=";
  return (
    <>
      <Cell className={`compare-mark${mark === "=" ? " faint" : ""}`}>
        <span aria-hidden="true">{mark}</span>
        <span className="unseen">{differences.join(", ") || "the same"}</span>
      </Cell>
      <Cell className="compare-name cut">
        <Name of={(a ?? b)?.name ?? ""} />
      </Cell>
      <Side of={a} run={runs[0]} word="A" call={call} />
      <Side of={b} run={runs[1]} word="B" call={call} />
      <Cell className="compare-differences soft">{differences.join(", ")}</Cell>
    </>
  );
});

function Side({ of, run, word, call }: { of: Call | null; run: string; word: string; call: ComparedCall }) {
  const isOther = (what: "cost" | "duration") => (call.differences.includes(what) ? "compare-other" : undefined);
  if (!of) return <Cell className="compare-side compare-none faint">not called</Cell>;
  return (
    <Cell className="compare-side">
      <Status of={of.outcome ?? "running"} small />
      <span className={isOther("duration")}>{duration(of.durationMs)}</span>
      <span className={isOther("cost")}>
        <Cost usd={of.costUsd} isEstimated={of.isEstimated} outcome={of.outcome} />
      </span>
      <Link to={runPath(run, of.id)} aria-label={`Open ${of.name} in run ${word}`}>
        Open
      </Link>
    </Cell>
  );
}
