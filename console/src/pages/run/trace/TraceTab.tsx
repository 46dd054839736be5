import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useCallback, useEffect, useMemo, useRef } from "react";
import { endOf, type Recording, type Row } from "../../../api/recording";
import { useBodyReader } from "../../../api/run";
import { EmptyState } from "../../../components/EmptyState";
import { useNow } from "../../../components/Time";
import { chosenIn, toggled, useUrl } from "../../../components/url";
import { useAnchor, useChosenInSight } from "../../../components/virtualList";
import { NONE, useSearch } from "../RunSearch";
import { PREVIEW_BYTES } from "../telemetry/CallRow";
import { nextHit } from "../telemetry/calls";
import { OrphansRow, REASONING_BYTES, TraceRow } from "./TraceRow";
import { TraceAxis, TraceTools } from "./TraceTools";
import { moved, rangeFields, rangeIn, type TimeRange, zoomed } from "./timeRange";
import { ancestorsOf, criticalPath, keyOf, ORPHANS, rowAt, shownPlaces, type Tree, treeOf } from "./tree";
import { useTraceKeys } from "./useTraceKeys";
import "./trace.css";

interface Props {
  recording: Recording;
  words: readonly string[];
  chosen: string | null;
  onChoose: (id: string | null) => void;
}

const ROW_HEIGHT = 28;
const AXIS_HEIGHT = 27;

/** The Trace tab: all actions as a tree with a time axis. */
export function TraceTab(props: Props) {
  const { recording } = props;
  if (recording.rows.length > 0) return <Trace {...props} />;
  return (
    <EmptyState title={recording.run.status === "running" ? "Nothing yet" : "Nothing was recorded"}>
      Every action of the run appears here with its place in the tree and in time.
    </EmptyState>
  );
}

function Trace({ recording, words, chosen, onChoose }: Props) {
  const { run, rows } = recording;
  const [url, change] = useUrl();
  const tree = useMemo(() => treeOf(rows), [rows]);
  const nowUs = useNowUs(recording);
  const fullRange = useFullRange(recording, nowUs);
  const range = useMemo(() => rangeIn(url.get("from"), url.get("to"), fullRange), [url, fullRange]);
  const showRange = useCallback((to: TimeRange) => change(rangeFields(to, fullRange)), [change, fullRange]);
  const isCritical = url.has("critical");
  const critical = useMemo(() => (isCritical ? criticalPath(tree, nowUs) : NONE), [tree, nowUs, isCritical]);
  const foldedText = url.get("fold") ?? "";
  const unfoldedText = url.get("open") ?? "";
  const folded = useMemo(() => new Set(foldedText.split(",")), [foldedText]);
  const unfolded = useMemo(() => new Set(unfoldedText.split(",")), [unfoldedText]);
  const places = useMemo(() => shownPlaces(tree, folded), [tree, folded]);
  const toggle = useCallback(
    (field: "fold" | "open", id: string) => change((now) => toggled(now, field, id)),
    [change],
  );
  useUnfoldChosen(tree, chosen, folded, (ids) =>
    change((now) => ({
      fold: chosenIn(now, "fold")
        .filter((id) => !ids.has(id))
        .join(),
    })),
  );
  const search = useSearch(recording, url.get("q") ?? "");
  const inOrder = useMemo(() => Array.from(tree.order, (row) => tree.rows[row] as Row), [tree]);
  const reader = useBodyReader(run.run_id, REASONING_BYTES);
  const beginnings = useBodyReader(run.run_id, PREVIEW_BYTES);

  const scroller = useRef<HTMLDivElement>(null);
  // Stable while the places are the same: the virtualizer measures all rows again for a new function.
  const getItemKey = useCallback((index: number) => keyOf(tree, places[index] ?? 0), [tree, places]);
  const virtual = useVirtualizer({
    count: places.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    scrollMargin: AXIS_HEIGHT,
    scrollPaddingStart: AXIS_HEIGHT,
    getItemKey,
  });
  useAnchor(virtual, scroller, places, (place) => keyOf(tree, place)); // parallel agents add rows above the visible ones
  const keys = useTraceKeys({ tree, places, scroller, virtual, toggle, onChoose });
  const chosenIndex = useMemo(
    () => places.findIndex((place) => place !== ORPHANS && rowAt(tree, place).id === chosen),
    [tree, places, chosen],
  );
  useChosenInSight(virtual, scroller, chosen, chosenIndex);
  useWheel(scroller, range, fullRange, showRange);
  return (
    <div className="run-trace">
      <TraceTools
        search={search}
        onGo={(step) => onChoose(nextHit(inOrder, search.hits ?? NONE, chosen, step) ?? chosen)}
        tree={tree}
        range={range}
        fullRange={fullRange}
        chosen={chosen ? (rows.find((row) => row.id === chosen) ?? null) : null}
        isCritical={isCritical}
        nowUs={nowUs}
        onRange={showRange}
        onChange={change}
      />
      <div ref={scroller} className="trace card" role="tree" aria-label="Actions" tabIndex={0} onKeyDown={keys.onKey}>
        <TraceAxis range={range} height={virtual.getTotalSize()} />
        <div role="presentation" className="trace-rows" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const place = places[item.index] ?? 0;
            return (
              <div
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                className="trace-item"
                role="presentation"
                style={{ transform: `translateY(${item.start - AXIS_HEIGHT}px)` }}
              >
                {place === ORPHANS ? (
                  <OrphansRow count={tree.orphanCount} isRunning={run.status === "running"} />
                ) : (
                  <TraceRow
                    run={run}
                    tree={tree}
                    place={place}
                    range={range}
                    nowUs={nowUs}
                    reader={reader}
                    beginnings={beginnings}
                    words={words}
                    isHit={search.hits?.has(rowAt(tree, place).id) === true}
                    isFolded={folded.has(rowAt(tree, place).id)}
                    isUnfolded={unfolded.has(rowAt(tree, place).id)}
                    isChosen={rowAt(tree, place).id === chosen}
                    isCritical={critical.has(rowAt(tree, place).id)}
                    isAt={item.index === keys.at}
                    onToggle={toggle}
                    onChoose={onChoose}
                    index={item.index}
                    onFocus={keys.mark}
                  />
                )}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Returns the current position on the run's axis; of an ended run its end. */
function useNowUs({ run, rows }: Recording): number {
  const now = useNow();
  const isOver = run.status !== "running" && run.status !== "pending";
  const last = isOver ? Date.parse(run.ended_at ?? run.last_event_at) : now;
  const elapsed = Math.max(0, (last - Date.parse(run.started_at)) * 1000);
  return useMemo(() => (isOver ? Math.max(elapsed, endOf(rows, 0)) : elapsed), [isOver, elapsed, rows]);
}

/** Returns the full time range of a run. */
function useFullRange({ rows }: Recording, nowUs: number): TimeRange {
  return useMemo(() => {
    const from = Math.min(0, rows[0]?.startUs ?? 0);
    return { from, to: Math.max(from + 1000, endOf(rows, nowUs)) };
  }, [rows, nowUs]);
}

/** Expands the ancestors of the selected action. */
function useUnfoldChosen(
  tree: Tree,
  chosen: string | null,
  folded: ReadonlySet<string>,
  unfold: (ids: ReadonlySet<string>) => void,
): void {
  const latest = useRef({ tree, folded, unfold });
  latest.current = { tree, folded, unfold };
  useEffect(() => {
    if (chosen === null) return;
    const now = latest.current;
    const place = now.tree.order.findIndex((_, at) => rowAt(now.tree, at).id === chosen);
    const hiding = place < 0 ? [] : ancestorsOf(now.tree, place).filter((id) => now.folded.has(id));
    if (hiding.length > 0) now.unfold(new Set(hiding));
  }, [chosen]);
}

const PX_PER_E = 400; // of the wheel, to zoom by e

/** Handles the wheel over the chart: Ctrl zooms at the pointer, horizontal scrolling moves. */
function useWheel(
  scroller: RefObject<HTMLDivElement | null>,
  range: TimeRange,
  fullRange: TimeRange,
  showRange: (to: TimeRange) => void,
): void {
  const latest = useRef({ sight: range, whole: fullRange, look: showRange });
  latest.current = { sight: range, whole: fullRange, look: showRange };
  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    function onWheel(event: WheelEvent): void {
      const { sight: now, whole: all, look: show } = latest.current;
      const chart = element?.querySelector(".trace-marks")?.getBoundingClientRect();
      if (!chart || event.clientX < chart.left) return;
      let next: TimeRange;
      if (event.ctrlKey || event.metaKey) {
        const at = now.from + ((event.clientX - chart.left) / chart.width) * (now.to - now.from);
        next = zoomed(now, Math.exp(event.deltaY / PX_PER_E), at, all);
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        next = moved(now, event.deltaX / chart.width, all);
      } else return;
      event.preventDefault();
      latest.current.sight = next; // wheel events are faster than renders
      show(next);
    }
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, [scroller]);
}
