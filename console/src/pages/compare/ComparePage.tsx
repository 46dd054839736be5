import { memo, type ReactNode, useMemo, useState } from "react";
import { Link } from "react-router";
import { useSkeleton } from "../../api/registry";
import { type RunView, whyEnded } from "../../api/types";
import { Button } from "../../components/Button";
import { RunBadge, Status } from "../../components/badges";
import { Cost, SpentCost } from "../../components/Cost";
import { EmptyState, ErrorNotice } from "../../components/EmptyState";
import { amount, count, duration, NOTHING, rate, tokensOf } from "../../components/format";
import { Name } from "../../components/links";
import { approximately, money, type Sum } from "../../components/money";
import { Page } from "../../components/Page";
import { Duration, Time } from "../../components/Time";
import { agentPath, runPath, useUrl } from "../../components/url";
import { Cell, VirtualTable } from "../../components/VirtualTable";
import { type Call, type ComparedCall, type Comparison, type Count, compareRuns } from "./differences";
import "./compare.css";

const ROW_HEIGHT = 53;

/** The Compare page: totals of two runs, then their calls aligned by name and order. */
export function ComparePage() {
  const [query, change] = useUrl();
  const [a, b] = [query.get("a") ?? "", query.get("b") ?? ""];
  const [one, other] = [useSkeleton(a), useSkeleton(b)];
  const comparison = useMemo(
    () => (one.data && other.data ? compareRuns(one.data, other.data) : null),
    [one.data, other.data],
  );
  const failed = [one, other].find((found) => found.isError && !found.data);
  if (!a || !b) return <NoRunsChosen />;
  return (
    <Page title="Compare runs" fills aside={<Link to="/runs">All runs</Link>}>
      <div className="compare">
        <Link to={`/runs/${encodeURIComponent(a)}?${new URLSearchParams({ tab: "simulation", against: b })}`}>
          Compare inputs and outputs
        </Link>
        {failed ? <ErrorNotice of={failed.error} onRetry={failed.refetch} /> : null}
        {one.data && other.data && comparison ? (
          <>
            <RunTotals a={one.data.run} b={other.data.run} onSwap={() => change({ a: b, b: a })} />
            <Calls
              comparison={comparison}
              runs={[a, b]}
              isOnlyDifferences={query.get("only") === "differences"}
              onOnly={(isOnly) => change({ only: isOnly ? "differences" : null })}
            />
          </>
        ) : failed ? null : (
          <p className="faint">Loading …</p>
        )}
      </div>
    </Page>
  );
}

interface CallsProps {
  comparison: Comparison;
  runs: readonly [string, string];
  isOnlyDifferences: boolean;
  onOnly: (isOnly: boolean) => void;
}

function Calls({ comparison, runs, isOnlyDifferences, onOnly }: CallsProps) {
  const numbered = comparison.calls.map((call, at) => ({ call, at }));
  const different = numbered.filter(({ call }) => call.differences.length > 0);
  const rows = isOnlyDifferences ? different : numbered;
  return (
    <>
      <div className="row">
        <h2>
          {different.length > 0 ? count(different.length, "difference") : "No difference"} in{" "}
          {count(numbered.length, "action")}
        </h2>
        {comparison.isOtherEnd ? <span className="compare-count">different outcome</span> : null}
        <CallCounts of={comparison.counts} />
        <button
          type="button"
          className="chip compare-only"
          aria-pressed={isOnlyDifferences}
          onClick={() => onOnly(!isOnlyDifferences)}
        >
          Only differences
        </button>
      </div>
      {comparison.isCut ? (
        <p className="soft">
          The runs differ in too many actions to align them all. Unaligned actions of A are listed first, then those of
          B.
        </p>
      ) : null}
      {rows.length > 0 ? (
        <VirtualTable
          label="Actions of both runs"
          rows={rows}
          keyOf={({ call, at }) => `${call.a?.id ?? ""} ${call.b?.id ?? ""} ${at}`}
          columns="var(--compare-columns)"
          rowHeight={ROW_HEIGHT}
          head={
            <>
              <Cell head>
                <span className="sr-only">Mark</span>
              </Cell>
              <Cell head>Action</Cell>
              <Cell head>A</Cell>
              <Cell head>B</Cell>
              <Cell head className="compare-differences">
                Difference
              </Cell>
            </>
          }
        >
          {({ call }) => <CallCells call={call} runs={runs} />}
        </VirtualTable>
      ) : (
        <EmptyState title={noneWords(comparison)} />
      )}
    </>
  );
}

const COUNTS_AT_FIRST = 6;

/** Calls that one run made more often than the other, failed ones first. */
function CallCounts({ of }: { of: readonly Count[] }) {
  const [showsAll, setShowsAll] = useState(false);
  const rest = of.length - COUNTS_AT_FIRST;
  return (
    <>
      {(showsAll ? of : of.slice(0, COUNTS_AT_FIRST)).map((one) => (
        <span key={one.name} className="compare-count" title={`${one.name}: ${one.a} in A, ${one.b} in B`}>
          <bdi className="truncate">{one.name}</bdi> {one.a} → {one.b}
        </span>
      ))}
      {rest > 0 ? (
        <button type="button" className="compare-rest" aria-expanded={showsAll} onClick={() => setShowsAll(!showsAll)}>
          {showsAll ? "fewer" : `and ${rest} more`}
        </button>
      ) : null}
    </>
  );
}

function noneWords({ calls, isOtherEnd }: Comparison): string {
  if (calls.length === 0) return "Neither run has actions";
  return isOtherEnd ? "The runs differ only in their outcome" : "The runs are identical";
}

function NoRunsChosen() {
  return (
    <Page title="Compare runs">
      <EmptyState title="Select two runs to compare">
        Select them in the list of <Link to="/runs">runs</Link>, with their checkboxes or with <kbd>x</kbd>.
      </EmptyState>
    </Page>
  );
}

/** The cells of an aligned call. */
const CallCells = memo(function CallCells({ call, runs }: { call: ComparedCall; runs: readonly [string, string] }) {
  const { a, b, differences } = call;
  const mark = !a ? "+" : !b ? "−" : differences.length > 0 ? "≠" : "=";
  return (
    <>
      <Cell className={`compare-mark${mark === "=" ? " faint" : ""}`}>
        <span aria-hidden="true">{mark}</span>
        <span className="sr-only">{differences.join(", ") || "the same"}</span>
      </Cell>
      <Cell className="compare-name truncate">
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

const NUMBER = new Intl.NumberFormat("en-US");

interface Props {
  a: RunView;
  b: RunView;
  onSwap: () => void;
}

/** The totals of two runs and their difference. */
function RunTotals({ a, b, onSwap }: Props) {
  return (
    <div className="card compare-figures">
      <table>
        <thead>
          <tr>
            <th scope="col">
              <Button kind="quiet" onClick={onSwap}>
                Swap
              </Button>
            </th>
            <RunHead run={a} word="A" />
            <RunHead run={b} word="B" />
            <th scope="col" className="num">
              B minus A
            </th>
          </tr>
        </thead>
        <tbody>
          <Row name="Status" a={<RunBadge run={a} />} b={<RunBadge run={b} />} />
          {whyEnded(a) || whyEnded(b) ? <Row name="Reason" a={<Why of={a} />} b={<Why of={b} />} /> : null}
          <Row name="Agent" a={<Agent of={a} />} b={<Agent of={b} />} />
          <Row name="Started" a={<Time at={a.started_at} />} b={<Time at={b.started_at} />} />
          <Row
            name="Duration"
            a={<Duration from={a.started_at} to={a.ended_at} />}
            b={<Duration from={b.started_at} to={b.ended_at} />}
            more={signed(difference(a.duration_ms, b.duration_ms), duration)}
          />
          <Row
            name="Actions"
            a={NUMBER.format(a.tally.calls - a.tally.replayed)}
            b={NUMBER.format(b.tally.calls - b.tally.replayed)}
            more={signed(b.tally.calls - b.tally.replayed - a.tally.calls + a.tally.replayed, NUMBER.format)}
          />
          <Row
            name="Cost"
            a={<SpentCost of={a.tally} />}
            b={<SpentCost of={b.tally} />}
            more={costDifference(a.tally, b.tally)}
          />
          <Row
            name="Success rate"
            a={rate(a.tally.success_rate)}
            b={rate(b.tally.success_rate)}
            more={signed(difference(a.tally.success_rate, b.tally.success_rate), pointsOf)}
          />
          <Row
            name="Tokens"
            a={amount(tokensOf(a.tally))}
            b={amount(tokensOf(b.tally))}
            more={signed(difference(tokensOf(a.tally), tokensOf(b.tally)), NUMBER.format)}
          />
        </tbody>
      </table>
    </div>
  );
}

function RunHead({ run, word }: { run: RunView; word: string }) {
  return (
    <th scope="col">
      <div className="compare-head truncate">
        <span className="compare-word">{word}</span>
        <Link to={runPath(run.run_id)} className="truncate" title={run.run_id}>
          <Name of={run.run_id} />
        </Link>
      </div>
    </th>
  );
}

function Why({ of }: { of: RunView }) {
  const why = whyEnded(of);
  if (why === null) return <span className="faint">{NOTHING}</span>;
  return (
    <span className="compare-why" dir="auto">
      {why}
    </span>
  );
}

function Agent({ of }: { of: RunView }) {
  return (
    <Link to={agentPath(of.agent_id)} className="truncate compare-agent" title={of.agent_id}>
      <Name of={of.agent_id} />
    </Link>
  );
}

function Row({ name, a, b, more }: { name: string; a: ReactNode; b: ReactNode; more?: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{a}</td>
      <td>{b}</td>
      <td className="num">{more ?? ""}</td>
    </tr>
  );
}

/** Returns the difference in cost; `≈` where one is estimated. */
function costDifference(a: Sum, b: Sum): string {
  if (a.unpriced + b.unpriced > 0) return NOTHING;
  const more = Number((Number(b.cost_usd) - Number(a.cost_usd)).toFixed(12)); // the decimals of a cost
  return approximately(signed(more, money), more !== 0 && a.estimated + b.estimated > 0);
}

function difference(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : b - a;
}

/** Returns percentage points: `23.3 points`. */
function pointsOf(share: number): string {
  return `${(share * 100).toFixed(1)} points`;
}

/** Returns `+3`, `−3` or `same`; "–" when unknown. */
function signed(amount: number | null, words: (amount: number) => string): string {
  if (amount === null) return NOTHING;
  if (amount === 0) return "same";
  return `${amount > 0 ? "+" : "−"}${words(Math.abs(amount))}`;
}
