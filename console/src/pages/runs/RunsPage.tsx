import { memo, useCallback, useState } from "react";
import { Link, useNavigate } from "react-router";
import { type RegistryFilter, useRegistry } from "../../api/registry";
import { useCanChange } from "../../api/session";
import { type Order, RUN_STATUSES, type RunSort, type RunView, WINDOWS, whyFailed } from "../../api/types";
import { AgentField } from "../../components/AgentField";
import { Button } from "../../components/Button";
import { DeterminismScore, Progress, RunBadge } from "../../components/badges";
import { CostBreakdown } from "../../components/Cost";
import { InvalidFilterNotice } from "../../components/EmptyState";
import {
  CostField,
  OriginControl,
  ScoreField,
  SearchField,
  SegmentedControl,
  StatusFilter,
  TextField,
} from "../../components/fields";
import { count, countedUpTo, rate, windowWord } from "../../components/format";
import { Name } from "../../components/links";
import { Page } from "../../components/Page";
import { NotifyToggle } from "../../components/runNotifications";
import { Duration, Time } from "../../components/Time";
import { agentPath, type Change, runPath, toggledIn, useUrl } from "../../components/url";
import { Cell, SortHead, VirtualTable } from "../../components/VirtualTable";
import { ExportDialog, ImportDialog } from "./ExportImport";
import { fieldsOf, filterOf, invalidFilters, isUnfiltered, pickedIn, pickedWith, searchWithin } from "./filter";
import { Intercepts } from "./Intercepts";
import { RunsEmptyState } from "./RunsEmptyState";
import "./runs.css";

const ROW_HEIGHT = 53;

/** The Runs page: critical intercepts and all recorded runs. */
export function RunsPage() {
  const [query, change] = useUrl();
  const navigate = useNavigate();
  const filter = filterOf(query);
  const picked = pickedIn(query);
  const found = useRegistry(filter);
  const pick = useCallback(
    (run: string) =>
      change((now) => {
        const [a = null, b = null] = pickedWith(pickedIn(now), run);
        return { a, b };
      }),
    [change],
  );
  const { hasNextPage, isFetchingNextPage, fetchNextPage, first, runs } = found;
  const total = first ? `${count(first.total, "run")}${countedUpTo(first.isCapped, first.isSearchCapped)}` : "";
  const isNew =
    first !== undefined &&
    runs.length === 0 &&
    isUnfiltered(filter) &&
    !first.elsewhere?.in_all_time &&
    !first.elsewhere?.in_all_origins;
  return (
    <Page
      title="Runs"
      fills
      aside={
        <RunsTools
          filter={filter}
          total={first?.total}
          picked={picked}
          onSearch={(q) => change({ q })}
          onOrigin={change}
        />
      }
    >
      <div className="runs">
        <Filters
          filter={filter}
          onChange={(changed) =>
            change((now) => fieldsOf(typeof changed === "function" ? changed(filterOf(now)) : changed))
          }
        />
        <InvalidFilterNotice of={invalidFilters(query)} />
        {isNew ? null : <Intercepts window={filter.window} origin={filter.origin} agent={filter.agent} q={filter.q} />}
        {runs.length > 0 ? (
          <VirtualTable
            label="Runs"
            rows={runs}
            keyOf={(run: RunView) => run.run_id}
            columns="var(--runs-columns)"
            rowHeight={ROW_HEIGHT}
            head={
              <RunsHead
                total={total}
                sort={filter.sort}
                order={filter.order}
                onSort={(sort, order) => change(fieldsOf({ sort, order }))}
              />
            }
            onOpen={(run) => void navigate(runPath(run.run_id, null, searchWithin(run, filter.q)))}
            onToggle={(run) => pick(run.run_id)}
            onEnd={hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : undefined}
            isLoadingMore={isFetchingNextPage}
          >
            {(run) => <RunCells run={run} q={filter.q} isPicked={picked.includes(run.run_id)} onPick={pick} />}
          </VirtualTable>
        ) : (
          <RunsEmptyState found={found} filter={filter} elsewhere={first?.elsewhere ?? null} />
        )}
      </div>
    </Page>
  );
}

interface Props {
  filter: RegistryFilter;
  total: number | undefined;
  /** The runs selected for comparison; two at most. */
  picked: readonly string[];
  onSearch: (q: string) => void;
  /** Called with the URL's fields. */
  onOrigin: (fields: { origin: string | null }) => void;
}

/** The tools of the Runs page. */
function RunsTools({ filter, total, picked, onSearch, onOrigin }: Props) {
  const [open, setOpen] = useState<"export" | "import" | null>(null);
  const canChange = useCanChange();
  const [a, b] = picked;
  return (
    <div className="row">
      <OriginControl chosen={filter.origin} onChange={onOrigin} />
      <SearchField label="Run, agent, words" value={filter.q} onChange={onSearch} />
      {a && b ? (
        <Link className="button button-main" to={`/runs/compare?${new URLSearchParams({ a, b })}`}>
          Compare
        </Link>
      ) : a ? (
        <span className="soft">Select one more to compare</span>
      ) : null}
      <Link to="/registry">Agents</Link>
      <NotifyToggle />
      {canChange ? <Button onClick={() => setOpen("import")}>Import</Button> : null}
      <Button onClick={() => setOpen("export")}>Export</Button>
      {open === "export" ? <ExportDialog filter={filter} total={total} onClose={() => setOpen(null)} /> : null}
      {open === "import" ? <ImportDialog onClose={() => setOpen(null)} /> : null}
    </div>
  );
}

interface FiltersProps {
  filter: RegistryFilter;
  onChange: (changed: Change<RegistryFilter>) => void;
}

/** The filters of the Runs page. */
export function Filters({ filter, onChange }: FiltersProps) {
  return (
    <search className="row" aria-label="Filters">
      <StatusFilter
        all={RUN_STATUSES}
        chosen={filter.status}
        onToggle={(one) => onChange((now) => ({ status: toggledIn(now.status, one) }))}
      />
      <SegmentedControl
        label="When it started"
        all={WINDOWS}
        chosen={filter.window}
        wordOf={windowWord}
        onChange={(window) => onChange({ window })}
      />
      <AgentField value={filter.agent} onChange={(agent) => onChange({ agent })} />
      <CostField label="Min cost" value={filter.minCost} onChange={(minCost) => onChange({ minCost })} />
      <ScoreField value={filter.determinismBelow} onChange={(determinismBelow) => onChange({ determinismBelow })} />
      <TextField label="Session" value={filter.session} onChange={(session) => onChange({ session })} />
      <TextField label="Tag" value={filter.tag} onChange={(tag) => onChange({ tag })} />
      <button
        type="button"
        className="chip"
        aria-pressed={filter.hasArchived}
        onClick={() => onChange({ hasArchived: !filter.hasArchived })}
      >
        Archived too
      </button>
    </search>
  );
}

interface RunsHeadProps {
  /** The number of runs. */
  total: string;
  sort: RunSort;
  order: Order;
  onSort: (sort: RunSort, order: Order) => void;
}

/** The column titles. */
function RunsHead({ total, ...props }: RunsHeadProps) {
  return (
    <>
      <Cell head className="runs-plain">
        <span className="sr-only">Compare</span>
      </Cell>
      <Cell head className="runs-total">
        {total}
      </Cell>
      <Cell head className="runs-plain">
        Status
      </Cell>
      <SortHead by="actions" isNumber {...props}>
        Actions
      </SortHead>
      <SortHead by="cost" isNumber {...props}>
        Cost
      </SortHead>
      <SortHead by="success_rate" isNumber {...props}>
        Success
      </SortHead>
      <SortHead by="determinism" isNumber {...props}>
        Determinism
      </SortHead>
      <SortHead by="duration" isNumber {...props}>
        Duration
      </SortHead>
      <SortHead by="started" isNumber {...props}>
        Started
      </SortHead>
      <Cell head className="num runs-ended">
        Ended
      </Cell>
    </>
  );
}

const NUMBER = new Intl.NumberFormat("en-US");

interface RunCellsProps {
  run: RunView;
  /** The search text. */
  q: string;
  isPicked: boolean;
  onPick: (run: string) => void;
}

/** The cells of a run, memoized because thousands of them scroll by. */
const RunCells = memo(function RunCells({ run, q, isPicked, onPick }: RunCellsProps) {
  const { tally } = run;
  const ofActions = tally.calls - tally.replayed;
  return (
    <>
      <Cell className="runs-pick">
        <input
          type="checkbox"
          checked={isPicked}
          aria-label={`Compare ${run.run_id}`}
          title="Select to compare (x)"
          onChange={() => onPick(run.run_id)}
        />
      </Cell>
      <Cell className="runs-run">
        <div className="runs-id truncate">
          {run.is_pinned ? (
            <span className="runs-pin" role="img" aria-label="Pinned" title="Pinned: never deleted">
              ★
            </span>
          ) : null}
          <Link to={runPath(run.run_id, null, searchWithin(run, q))} title={run.run_id}>
            <Name of={run.run_id} />
          </Link>
        </div>
        <AgentAndError run={run} />
      </Cell>
      <Cell className="runs-status">
        <RunBadge run={run} />
        {run.status === "running" ? <Progress of={run.progress} /> : null}
        {run.archived_at ? <span className="faint"> archived</span> : null}
      </Cell>
      <Cell className="runs-actions num">
        <span data-unit={ofActions === 1 ? "action" : "actions"}>{NUMBER.format(ofActions)}</span>
        {tally.replayed > 0 ? <div className="faint">+{NUMBER.format(tally.replayed)} replayed</div> : null}
        {run.lost > 0 ? (
          <div className="runs-lost" title="Entries that were lost before they reached the server">
            {NUMBER.format(run.lost)} lost
          </div>
        ) : null}
      </Cell>
      <Cell className="runs-cost num">
        <CostBreakdown of={tally} isBrief />
      </Cell>
      <Cell className="runs-rate num">
        <span
          title={`${NUMBER.format(tally.success)} of ${NUMBER.format(tally.attempts)} attempts`}
          data-unit="success"
        >
          {rate(tally.success_rate)}
        </span>
      </Cell>
      <Cell className="runs-determinism num">
        <span data-unit="determinism">
          <DeterminismScore of={run.determinism} />
        </span>
      </Cell>
      <Cell className="runs-duration num">
        <Duration from={run.started_at} to={run.ended_at} />
      </Cell>
      <Cell className="runs-started num">
        <Time at={run.started_at} />
      </Cell>
      <Cell className="runs-ended num">
        <Time at={run.ended_at} />
      </Cell>
    </>
  );
});

/** The agent, name and error of a run. */
function AgentAndError({ run }: { run: RunView }) {
  const why = whyFailed(run);
  return (
    <div className="runs-about faint">
      <Link to={agentPath(run.agent_id, run.origin)} className="runs-agent truncate" title={run.agent_id}>
        <Name of={run.agent_id} />
      </Link>
      {run.name && run.name !== run.agent_id ? (
        <span className="runs-name truncate" dir="auto" title={run.name}>
          {run.name}
        </span>
      ) : null}
      {why ? (
        <span className="runs-error truncate" dir="auto" title={why}>
          {why}
        </span>
      ) : null}
    </div>
  );
}
