import { memo, useState } from "react";
import { Link, useNavigate } from "react-router";
import { type LedgerFilter, pageCount, placeOf, useLedger } from "../../api/ledger";
import { type ActionView, CALL_KINDS, type ExportFormat, LEDGER_OUTCOMES } from "../../api/types";
import { AgentField } from "../../components/AgentField";
import { Button } from "../../components/Button";
import { Status } from "../../components/badges";
import { Cost } from "../../components/Cost";
import { Dialog } from "../../components/Dialog";
import { EmptyState, InvalidFilterNotice, NoRowsNotice } from "../../components/EmptyState";
import { CostField, OriginControl, SearchField, StatusFilter, TextField } from "../../components/fields";
import { count, countedUpTo, duration } from "../../components/format";
import { Name } from "../../components/links";
import { Page } from "../../components/Page";
import { Duration, Time } from "../../components/Time";
import { agentPath, type Change, runPath, toggledIn, useUrl } from "../../components/url";
import { Cell, SortHead, VirtualTable } from "../../components/VirtualTable";
import { KINDS } from "../run/runDisplay";
import { exportPath, fieldsOf, filterOf, invalidFilters, isUnfiltered, noFilter, pageOf } from "./filter";
import "./ledger.css";

/** The Activity Ledger: the calls of all runs. */
export function LedgerPage() {
  const [query, change] = useUrl();
  const navigate = useNavigate();
  const filter = filterOf(query);
  const page = pageOf(query);
  const found = useLedger(filter, page);
  const rows = found.data?.data ?? [];
  const total = found.data?.total ?? 0;
  const isSearchCapped = found.data?.is_search_capped ?? false;
  const isCapped = found.data?.is_total_capped ?? false;
  const pages = pageCount(total, isCapped && !isSearchCapped);
  const turn = (next: number) => change({ page: next === 1 ? null : String(next) }, true);
  const sorting = {
    sort: filter.sort,
    order: filter.order,
    onSort: (sort: typeof filter.sort, order: typeof filter.order) => change(fieldsOf({ sort, order })),
  };
  return (
    <Page
      title="Activity Ledger"
      fills
      aside={
        <div className="row">
          <OriginControl chosen={filter.origin} onChange={(fields) => change({ ...fields, page: null })} />
          <SearchField label="Names and content" value={filter.q} onChange={(q) => change(fieldsOf({ q }))} />
          <LedgerExport filter={filter} />
        </div>
      }
    >
      <div className="ledger">
        <Filters
          filter={filter}
          onChange={(changed) =>
            change((now) => fieldsOf(typeof changed === "function" ? changed(filterOf(now)) : changed))
          }
        />
        <InvalidFilterNotice of={invalidFilters(query)} />
        {rows.length > 0 ? (
          <>
            <VirtualTable
              key={page}
              label="Actions"
              rows={rows}
              keyOf={(action) => `${action.run_id} ${action.id}`}
              columns="var(--ledger-columns)"
              head={
                <>
                  <SortHead by="time" {...sorting}>
                    Time
                  </SortHead>
                  <Cell head>Action</Cell>
                  <Cell head>Outcome</Cell>
                  <Cell head className="ledger-run">
                    Run
                  </Cell>
                  <Cell head className="ledger-agent">
                    Agent
                  </Cell>
                  <SortHead by="cost" isNumber {...sorting}>
                    Cost
                  </SortHead>
                  <SortHead by="duration" isNumber {...sorting}>
                    Duration
                  </SortHead>
                </>
              }
              onOpen={(action) => void navigate(runPath(action.run_id, action.id))}
            >
              {(action) => <ActionCells action={action} />}
            </VirtualTable>
            <Pager
              page={page}
              rows={rows.length}
              total={total}
              isCapped={isCapped}
              isSearchCapped={isSearchCapped}
              onTurn={turn}
            />
          </>
        ) : page > pages && total > 0 ? (
          <EmptyState title="Page not found">
            <p>The filtered list has {count(pages, "page")}.</p>
            <Button onClick={() => turn(pages)}>Show the last page</Button>
          </EmptyState>
        ) : (
          <NoRowsNotice
            found={found}
            word="action"
            onClear={isUnfiltered(filter) && page === 1 ? null : () => change(noFilter())}
          >
            <EmptyState title="No actions yet" command={"@titan_sdk.action\ndef search(query): ..."}>
              Model and tool calls of all runs appear here. <Link to="/runs">Runs</Link> shows three ways to record
              them.
            </EmptyState>
          </NoRowsNotice>
        )}
      </div>
    </Page>
  );
}

interface Props {
  filter: LedgerFilter;
  onChange: (changed: Change<LedgerFilter>) => void;
}

/** The filters of the ledger. */
export function Filters({ filter, onChange }: Props) {
  return (
    <search className="row" aria-label="Filters">
      <StatusFilter
        label="Outcome"
        all={LEDGER_OUTCOMES}
        chosen={filter.outcome}
        onToggle={(one) => onChange((now) => ({ outcome: toggledIn(now.outcome, one) }))}
      />
      <fieldset className="chips plain-fieldset">
        <legend className="sr-only">Kind</legend>
        {CALL_KINDS.map((kind) => (
          <button
            key={kind}
            type="button"
            className="chip"
            aria-pressed={filter.kind.includes(kind)}
            onClick={() => onChange((now) => ({ kind: toggledIn(now.kind, kind) }))}
          >
            {KINDS[kind].word}
          </button>
        ))}
      </fieldset>
      <TextField label="Action" value={filter.name} onChange={(name) => onChange({ name })} />
      <AgentField value={filter.agent} onChange={(agent) => onChange({ agent })} />
      <TextField label="Run" value={filter.run} onChange={(run) => onChange({ run })} />
      <div className="ledger-costs">
        <CostField label="Min cost" value={filter.minCost} onChange={(minCost) => onChange({ minCost })} />
        <CostField label="Max cost" value={filter.maxCost} onChange={(maxCost) => onChange({ maxCost })} />
      </div>
      <div className="ledger-days">
        <DayField label="From" value={filter.from} max={filter.to} onChange={(from) => onChange({ from })} />
        <DayField label="To" value={filter.to} min={filter.from} onChange={(to) => onChange({ to })} />
      </div>
    </search>
  );
}

interface DayProps {
  label: string;
  value: string;
  min?: string;
  max?: string;
  onChange: (day: string) => void;
}

function DayField({ label, value, min, max, onChange }: DayProps) {
  return (
    <label className="ledger-day">
      <span className="soft">{label}</span>
      <input
        type="date"
        className="field"
        value={value}
        min={min || undefined}
        max={max || undefined}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}

const ActionCells = memo(function ActionCells({ action }: { action: ActionView }) {
  const error = errorWords(action);
  const more = error ?? action.model;
  return (
    <>
      <Cell className="ledger-time">
        <Time at={action.started_at} />
      </Cell>
      <Cell className="ledger-action">
        <span className="ledger-kind faint">{action.kind}</span>
        <Link to={runPath(action.run_id, action.id)} className="ledger-name truncate" title={action.name}>
          <Name of={action.name} />
        </Link>
        {more ? (
          <span className={`truncate ledger-more ${error ? "ledger-error" : "faint"}`} dir="auto" title={more}>
            {more}
          </span>
        ) : null}
        {action.is_redacted ? (
          <span className="faint ledger-redacted" title="Secrets were redacted before storage">
            redacted
          </span>
        ) : null}
      </Cell>
      <Cell className="ledger-outcome">
        <Status of={action.outcome ?? action.reason ?? "running"} pulse={action.ended_at === null} />
      </Cell>
      <Cell className="ledger-run truncate">
        <Link to={runPath(action.run_id)} title={action.run_id}>
          <Name of={action.run_id} />
        </Link>
      </Cell>
      <Cell className="ledger-agent truncate">
        <Link to={agentPath(action.agent_id)} title={action.agent_id}>
          <Name of={action.agent_id} />
        </Link>
      </Cell>
      <Cell className="ledger-cost num">
        <Cost usd={action.cost_usd} isEstimated={action.is_cost_estimated} outcome={action.outcome} />
      </Cell>
      <Cell className="ledger-duration num">
        {action.ended_at === null ? <Duration from={action.started_at} to={null} /> : duration(action.duration_ms)}
      </Cell>
    </>
  );
});

/** Returns why a call failed; null where its outcome says it all. */
function errorWords({ error_type: type, error_message: message, outcome }: ActionView): string | null {
  if (!type || (type === outcome && !message)) return null;
  return message ? `${type}: ${message}` : type;
}

const NUMBER = new Intl.NumberFormat("en-US");

interface PagerProps {
  page: number;
  /** The number of rows on the page. */
  rows: number;
  total: number;
  /** Whether there are more than `total`. */
  isCapped: boolean;
  /** Whether the search skipped older entries. */
  isSearchCapped: boolean;
  onTurn: (page: number) => void;
}

/** The position within the ledger, and buttons to other pages. */
function Pager({ page, rows, total, isCapped, isSearchCapped, onTurn }: PagerProps) {
  const place = placeOf(page, rows, total, isCapped && !isSearchCapped); // the search ends there too
  return (
    <nav className="ledger-pager" aria-label="Pages of the ledger">
      <span className="soft" aria-live="polite">
        {NUMBER.format(place.first)}–{NUMBER.format(place.last)} of {count(place.total, "action")}
        {countedUpTo(place.isCapped, isSearchCapped)}
        {place.endsEarly
          ? ". The list ends here: narrow the filters, such as From and To, or reverse the order to see the rest."
          : ""}
      </span>
      <Button disabled={page <= 1} onClick={() => onTurn(1)}>
        First
      </Button>
      <Button disabled={page <= 1} onClick={() => onTurn(page - 1)}>
        Back
      </Button>
      <Button disabled={!place.hasNext} onClick={() => onTurn(page + 1)}>
        Next
      </Button>
    </nav>
  );
}

const FORMATS: readonly (readonly [format: ExportFormat, name: string, about: string])[] = [
  ["jsonl", "JSONL", "An action on each line."],
  ["json", "JSON", "One document."],
  ["csv", "CSV", "For spreadsheets: a row for each action."],
];

/** Downloads of the filtered actions. */
function LedgerExport({ filter }: { filter: LedgerFilter }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>Export</Button>
      {isOpen ? (
        <Dialog title="Export actions" onClose={() => setOpen(false)}>
          <p>
            All actions that match the filters, by start time, with run, outcome, cost and error. The export of runs has
            inputs and outputs.
          </p>
          <ul className="ledger-export">
            {FORMATS.map(([format, name, about]) => (
              <li key={format}>
                <a className="button" href={exportPath(filter, format)} download onClick={() => setOpen(false)}>
                  {name}
                </a>{" "}
                <span className="soft">{about}</span>
              </li>
            ))}
          </ul>
        </Dialog>
      ) : null}
    </>
  );
}
