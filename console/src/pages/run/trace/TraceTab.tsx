import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useBodyReader } from "../../../api/recordedRun";
import { endOf, type Recording } from "../../../api/recording";
import { useNow } from "../../../parts/clock";
import { Empty } from "../../../parts/Empty";
import { chosenIn, useUrl } from "../../../parts/url";
import { type Sight, sightFields, sightIn } from "./axis";
import { TraceAxis } from "./TraceAxis";
import { OrphansRow, TraceRow } from "./TraceRow";
import { TraceTools } from "./TraceTools";
import { ancestorsOf, ORPHANS, rowAt, shownPlaces, type Tree, treeOf } from "./tree";
import { useTraceKeys } from "./useTraceKeys";
import { useWheel } from "./useWheel";
import { criticalPath } from "./waits";
import "./trace.css";

interface Props {
  recording: Recording;
  chosen: string | null;
  onChoose: (id: string | null) => void;
}

const ROW_HEIGHT = 28;
const AXIS_HEIGHT = 27;
export const REASONING_BYTES = 16_384;
const NONE: ReadonlySet<string> = new Set();

/** All actions as a tree, with when each ran beside it: turns, reasoning, calls, handoffs and events in one list. */
export function TraceTab({ recording, chosen, onChoose }: Props) {
  if (recording.rows.length > 0) return <Trace recording={recording} chosen={chosen} onChoose={onChoose} />;
  return (
    <Empty title={recording.run.status === "running" ? "Nothing yet" : "Nothing was recorded"}>
      Every action of the run appears here with its place in the tree and in time.
    </Empty>
  );
}

function Trace({ recording, chosen, onChoose }: Props) {
  const { run, rows } = recording;
  const [url, change] = useUrl();
  const tree = useMemo(() => treeOf(rows), [rows]);
  const nowUs = useNowUs(recording);
  const whole = useWhole(recording, nowUs);
  const sight = useMemo(() => sightIn(url.get("from"), url.get("to"), whole), [url, whole]);
  const look = useCallback((to: Sight) => change(sightFields(to, whole)), [change, whole]);
  const isCritical = url.has("critical");
  const critical = useMemo(() => (isCritical ? criticalPath(tree, nowUs) : NONE), [tree, nowUs, isCritical]);
  const foldedText = url.get("fold") ?? "";
  const unfoldedText = url.get("open") ?? "";
  const folded = useMemo(() => new Set(foldedText.split(",")), [foldedText]);
  const unfolded = useMemo(() => new Set(unfoldedText.split(",")), [unfoldedText]);
  const places = useMemo(() => shownPlaces(tree, folded), [tree, folded]);
  const toggle = useCallback(
    (field: "fold" | "open", id: string) => change({ [field]: toggled(chosenIn(url, field), id).join() }),
    [change, url],
  );
  useUnfoldedWay(tree, chosen, folded, (ids) =>
    change({
      fold: chosenIn(url, "fold")
        .filter((id) => !ids.has(id))
        .join(),
    }),
  );
  const reader = useBodyReader(run.run_id, REASONING_BYTES);

  const scroller = useRef<HTMLDivElement>(null);
  // The same function while the places are the same: the virtualizer measures all of them anew for another one.
  const getItemKey = useCallback((index: number) => keyOf(tree, places[index] ?? 0), [tree, places]);
  const virtual = useVirtualizer({
    count: places.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    scrollMargin: AXIS_HEIGHT,
    getItemKey,
  });
  const keys = useTraceKeys({ tree, places, folded, scroller, virtual, toggle, onChoose });
  useChosenInSight(tree, places, chosen, (index) => virtual.scrollToIndex(index, { align: "auto" }));
  useWheel(scroller, sight, whole, look);
  return (
    <div className="run-trace">
      <TraceTools
        tree={tree}
        sight={sight}
        whole={whole}
        chosen={chosen ? (rows.find((row) => row.id === chosen) ?? null) : null}
        isCritical={isCritical}
        nowUs={nowUs}
        onLook={look}
        onChange={change}
      />
      <div ref={scroller} className="trace card" role="tree" aria-label="Actions" tabIndex={0} onKeyDown={keys.onKey}>
        <TraceAxis sight={sight} height={virtual.getTotalSize()} />
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
                    sight={sight}
                    nowUs={nowUs}
                    reader={reader}
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

/** Returns where now is on the run's axis; of a run that is over, where it ended: what has no end then was cut off there. */
function useNowUs({ run, rows }: Recording): number {
  const now = useNow();
  const isOver = run.status !== "running" && run.status !== "pending";
  const last = isOver ? Date.parse(run.ended_at ?? run.last_event_at) : now;
  const elapsed = Math.max(0, (last - Date.parse(run.started_at)) * 1000);
  return useMemo(() => (isOver ? Math.max(elapsed, endOf(rows, 0)) : elapsed), [isOver, elapsed, rows]);
}

function useWhole({ rows }: Recording, nowUs: number): Sight {
  return useMemo(() => {
    const from = Math.min(0, rows[0]?.startUs ?? 0);
    return { from, to: Math.max(from + 1000, endOf(rows, nowUs)) };
  }, [rows, nowUs]);
}

/** Unfolds what hides the chosen action. */
function useUnfoldedWay(
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

function useChosenInSight(
  tree: Tree,
  places: readonly number[],
  chosen: string | null,
  show: (index: number) => void,
): void {
  const latest = useRef({ tree, places, show });
  latest.current = { tree, places, show };
  useEffect(() => {
    const now = latest.current;
    const index = now.places.findIndex((place) => place !== ORPHANS && rowAt(now.tree, place).id === chosen);
    if (chosen !== null && index >= 0) now.show(index);
  }, [chosen]);
}

function keyOf(tree: Tree, place: number): string {
  return place === ORPHANS ? "orphans" : `${rowAt(tree, place).id} ${rowAt(tree, place).number}`;
}

function toggled(ids: readonly string[], id: string): string[] {
  return ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id];
}
