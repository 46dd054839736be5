import { useMemo, useState } from "react";
import { Link } from "react-router";
import { useSkeleton } from "../../api/registry";
import { Empty } from "../../parts/Empty";
import { Failure } from "../../parts/Failure";
import { count } from "../../parts/format";
import { Page } from "../../parts/Page";
import { Cell, RowList } from "../../parts/RowList";
import { useUrl } from "../../parts/url";
import { CallCells } from "./CallCells";
import { type Comparison, type Count, compareRuns } from "./differences";
import { Figures } from "./Figures";
import "./compare.css";

const ROW_HEIGHT = 53;

/** Two runs side by side: their figures, then their calls, matched by name and in order. */
export function ComparePage() {
  const [query, change] = useUrl();
  const [a, b] = [query.get("a") ?? "", query.get("b") ?? ""];
  const [one, other] = [useSkeleton(a), useSkeleton(b)];
  const comparison = useMemo(
    () => (one.data && other.data ? compareRuns(one.data, other.data) : null),
    [one.data, other.data],
  );
  const failed = [one, other].find((found) => found.isError && !found.data);
  if (!a || !b) return <NoneChosen />;
  return (
    <Page title="Compare runs" fills aside={<Link to="/runs">All runs</Link>}>
      <div className="compare">
        <Link to={`/runs/${encodeURIComponent(a)}?${new URLSearchParams({ tab: "simulation", against: b })}`}>
          Compare inputs and outputs, too
        </Link>
        {failed ? <Failure of={failed.error} again={failed.refetch} /> : null}
        {one.data && other.data && comparison ? (
          <>
            <Figures a={one.data.run} b={other.data.run} onSwap={() => change({ a: b, b: a })} />
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
        {comparison.isOtherEnd ? <span className="compare-count">another end</span> : null}
        <Counts of={comparison.counts} />
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
          The runs differ in too many actions to match them all: where they part, those of A stand first, then those of
          B.
        </p>
      ) : null}
      {rows.length > 0 ? (
        <RowList
          label="Actions of both runs"
          rows={rows}
          keyOf={({ call, at }) => `${call.a?.id ?? ""} ${call.b?.id ?? ""} ${at}`}
          columns="var(--compare-columns)"
          rowHeight={ROW_HEIGHT}
          head={
            <>
              <Cell head>
                <span className="unseen">Mark</span>
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
        </RowList>
      ) : (
        <Empty title={noneWords(comparison)} />
      )}
    </>
  );
}

const COUNTS_AT_FIRST = 6;

/** What one run called more often than the other, the most telling first; the rest when it is asked for. */
function Counts({ of }: { of: readonly Count[] }) {
  const [showsAll, setShowsAll] = useState(false);
  const rest = of.length - COUNTS_AT_FIRST;
  return (
    <>
      {(showsAll ? of : of.slice(0, COUNTS_AT_FIRST)).map((one) => (
        <span key={one.name} className="compare-count" title={`${one.name}: ${one.a} in A, ${one.b} in B`}>
          <bdi className="cut">{one.name}</bdi> {one.a} → {one.b}
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
  if (calls.length === 0) return "Neither run has made an action";
  return isOtherEnd ? "The runs differ in nothing but their end" : "The runs do not differ";
}

function NoneChosen() {
  return (
    <Page title="Compare runs">
      <Empty title="Two runs make a comparison">
        Choose them in the list of <Link to="/runs">runs</Link>, with their boxes or with <kbd>x</kbd>.
      </Empty>
    </Page>
  );
}
