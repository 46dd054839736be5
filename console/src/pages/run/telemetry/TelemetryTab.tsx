import { type ReactNode, useCallback, useMemo } from "react";
import type { Recording } from "../../../api/recording";
import { useBodyReader } from "../../../api/run";
import { Button } from "../../../components/Button";
import { EmptyState } from "../../../components/EmptyState";
import { StatusFilter } from "../../../components/fields";
import { count } from "../../../components/format";
import { type Changes, chosenAmong, chosenIn, toggled, toggledAmong, useUrl } from "../../../components/url";
import { Cell, VirtualTable } from "../../../components/VirtualTable";
import { NONE, RunSearch, type Search, useSearch } from "../RunSearch";
import { CallDetails, CallRow, PREVIEW_BYTES } from "./CallRow";
import {
  CALL_STATUSES,
  type Call,
  type CallStatus,
  callsOf,
  callsWords,
  chosenCalls,
  nextHit,
  SORTS,
  type Sort,
  statusOf,
} from "./calls";
import "./telemetry.css";

interface Props {
  recording: Recording;
  words: readonly string[];
  chosen: string | null;
  onChoose: (id: string | null) => void;
}

const ROW_HEIGHT = 40;

/** The Telemetry tab: the calls of a run. */
export function TelemetryTab({ recording, words, chosen, onChoose }: Props) {
  const { run, rows } = recording;
  const [url, change] = useUrl();
  const search = useSearch(recording, url.get("q") ?? "");
  const { hits } = search;
  const inContext = url.has("context");
  const statuses = chosenAmong(url, "outcome", CALL_STATUSES);
  const sort = SORTS.find((one) => one === url.get("sort")) ?? "order";
  const descending = url.get("order") === "desc";
  const unfolded = useMemo(() => chosenIn(url, "open"), [url]); // stable while nothing is toggled
  const unfoldsAll = url.has("all");
  const previews = useBodyReader(run.run_id, PREVIEW_BYTES);

  const calls = useMemo(() => callsOf(rows), [rows]);
  const statusKey = statuses.join();
  const shown = useMemo(
    () =>
      chosenCalls(calls, {
        statuses: CALL_STATUSES.filter((one) => statusKey.split(",").includes(one)),
        hits: inContext ? null : hits,
        sort,
        descending,
      }),
    [calls, statusKey, hits, inContext, sort, descending],
  );
  const toggle = useCallback((id: string) => change((now) => toggled(now, "open", id)), [change]);
  function sortBy(next: Sort): void {
    const isDown = next === sort ? !descending : next !== "order"; // the most expensive and longest first
    change({ sort: next === "order" ? null : next, order: isDown ? "desc" : null });
  }

  return (
    <div className="run-telemetry">
      {calls.length > 0 || search.q || statuses.length > 0 ? (
        <TelemetryTools
          shown={shown}
          search={search}
          inContext={inContext}
          statuses={statuses}
          calls={calls}
          unfoldsAll={unfoldsAll}
          onGo={(step) => onChoose(nextHit(shown, hits ?? NONE, chosen, step) ?? chosen)}
          onChange={change}
        />
      ) : null}
      {shown.length > 0 ? (
        <VirtualTable
          label="Actions"
          rows={shown}
          keyOf={(call) => call.id}
          columns="var(--run-columns)"
          rowHeight={ROW_HEIGHT}
          head={<Head sort={sort} descending={descending} onSort={sortBy} />}
          chosen={chosen}
          onOpen={(call) => onChoose(call.id)}
          onToggle={(call) => toggle(call.id)}
          details={(call) =>
            unfoldsAll !== unfolded.includes(call.id) ? (
              <CallDetails run={run.run_id} call={call} words={words} />
            ) : null
          }
        >
          {(call) => (
            <CallRow
              run={run}
              call={call}
              reader={previews}
              words={words}
              isHit={inContext && hits?.has(call.id) === true}
              isOpen={unfoldsAll !== unfolded.includes(call.id)}
              onToggle={toggle}
            />
          )}
        </VirtualTable>
      ) : (
        <NoCalls
          hasCalls={calls.length > 0}
          isRunning={run.status === "running"}
          inTrace={calls.length === 0 ? rows.length : statuses.length === 0 ? (hits?.size ?? 0) : 0}
          word={rows.every((row) => row.kind === "step") ? "step" : "row"}
          onTrace={() => change({ tab: "trace" }, true)}
          onClear={() => change({ q: null, outcome: null })}
        />
      )}
    </div>
  );
}

function Head({ sort, descending, onSort }: { sort: Sort; descending: boolean; onSort: (sort: Sort) => void }) {
  const props = { sort, descending, onSort };
  return (
    <>
      <SortHead of="order" {...props}>
        #
      </SortHead>
      <Cell head>Action</Cell>
      <Cell head className="run-in">
        Inputs
      </Cell>
      <Cell head className="run-out">
        Outputs
      </Cell>
      <SortHead of="cost" {...props}>
        Cost
      </SortHead>
      <SortHead of="duration" {...props}>
        Duration
      </SortHead>
      <Cell head>Outcome</Cell>
      <Cell head className="run-at num">
        Time
      </Cell>
    </>
  );
}

interface NoCallsProps {
  hasCalls: boolean;
  isRunning: boolean;
  /** The number of matching actions that are not calls. */
  inTrace: number;
  /** The noun for them. */
  word: string;
  onTrace: () => void;
  onClear: () => void;
}

function NoCalls({ hasCalls, isRunning, inTrace, word, onTrace, onClear }: NoCallsProps) {
  const toTrace =
    inTrace > 0 ? (
      <Button kind="main" onClick={onTrace}>
        Show {count(inTrace, word)} in the Trace
      </Button>
    ) : null;
  if (hasCalls) {
    return (
      <EmptyState title="No matching actions">
        <p className="run-offers">
          {toTrace}
          <Button onClick={onClear}>Show all actions</Button>
        </p>
      </EmptyState>
    );
  }
  if (toTrace) {
    return (
      <EmptyState title={isRunning ? "No actions yet" : "No actions recorded"}>
        <p className="run-offers">{toTrace}</p>
        This tab lists calls of models, tools and decorated functions. The Trace also shows what groups them.
      </EmptyState>
    );
  }
  return (
    <EmptyState title={isRunning ? "No actions yet" : "No actions recorded"} command={SNIPPET}>
      Each call of a model, a tool or a decorated function appears here as it is made. Send the agent's OpenTelemetry
      spans to this server, or decorate what it calls:
    </EmptyState>
  );
}

const SNIPPET = `from titan_sdk import action

@action
def find_order(order: int) -> dict: ...`;

interface TelemetryToolsProps {
  shown: readonly Call[];
  calls: readonly Call[];
  search: Search;
  inContext: boolean;
  statuses: readonly CallStatus[];
  unfoldsAll: boolean;
  onGo: (step: 1 | -1) => void;
  onChange: (changes: Changes) => void;
}

/** Search, outcome filter and expand-all of the Telemetry tab. */
function TelemetryTools({
  shown,
  calls,
  search,
  inContext,
  statuses,
  unfoldsAll,
  onGo,
  onChange,
}: TelemetryToolsProps) {
  const present = useMemo(() => {
    const found = new Set(calls.map(statusOf));
    return CALL_STATUSES.filter((status) => found.has(status) || statuses.includes(status));
  }, [calls, statuses]);
  return (
    <div className="run-tools row">
      <RunSearch q={search.q} onChange={(q) => onChange({ q })} onGo={onGo}>
        <Button
          aria-pressed={inContext}
          title="Show the actions between the matches too"
          onClick={() => onChange({ context: inContext ? null : "1" })}
        >
          In context
        </Button>
      </RunSearch>
      {present.length > 1 || statuses.length > 0 ? (
        <StatusFilter
          all={present}
          chosen={statuses}
          onToggle={(one) => onChange((now) => toggledAmong(now, "outcome", CALL_STATUSES, one))}
        />
      ) : null}
      <span role="status" className="run-count faint">
        {search.words && (inContext || search.hits?.size === 0 || search.isSearching)
          ? search.words
          : listed(shown.length, calls)}
      </span>
      <Button
        aria-pressed={unfoldsAll}
        title="Inputs and outputs of every action in the list"
        onClick={() => onChange({ all: unfoldsAll ? null : "1", open: null })}
      >
        {unfoldsAll ? "Fold all" : "Expand all"}
      </Button>
    </div>
  );
}

function listed(shown: number, calls: readonly Call[]): string {
  const all = callsWords(calls);
  return shown === calls.length ? all : `${shown.toLocaleString("en-US")} of ${all}`;
}

interface SortHeadProps {
  of: Sort;
  sort: Sort;
  descending: boolean;
  onSort: (sort: Sort) => void;
  children: ReactNode;
}

/** A sortable column title. */
export function SortHead({ of, sort, descending, onSort, children }: SortHeadProps) {
  const isOn = of === sort;
  return (
    <div
      role="columnheader"
      className={`run-${of} num`}
      aria-sort={isOn ? (descending ? "descending" : "ascending") : undefined}
    >
      <button type="button" className="run-sort" title={`Sort by ${of}`} onClick={() => onSort(of)}>
        {children}
        <span aria-hidden="true">{isOn ? (descending ? " ↓" : " ↑") : null}</span>
      </button>
    </div>
  );
}
