import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useMemo, useRef } from "react";
import { useBodyReader } from "../../../api/recordedRun";
import type { Recording, Row } from "../../../api/recording";
import { Empty } from "../../../parts/Empty";
import { useChosenInSight } from "../../../parts/inSight";
import { chosenIn, toggled, useUrl } from "../../../parts/url";
import { useAnchor } from "../../../parts/useAnchor";
import { PREVIEW_BYTES } from "../telemetry/CallRow";
import { nextHit } from "../telemetry/calls";
import { NONE, useSearch } from "../useSearch";
import { type Sight, sightFields, sightIn } from "./axis";
import { REASONING_BYTES } from "./Reasoning";
import { TraceAxis } from "./TraceAxis";
import { OrphansRow, TraceRow } from "./TraceRow";
import { TraceTools } from "./TraceTools";
import { keyOf, ORPHANS, rowAt, shownPlaces, treeOf } from "./tree";
import { useTraceKeys } from "./useTraceKeys";
import { useNowUs, useWhole } from "./useTraceTime";
import { useUnfoldedWay } from "./useUnfoldedWay";
import { useWheel } from "./useWheel";
import { criticalPath } from "./waits";
import "./trace.css";

interface Props {
  recording: Recording;
  words: readonly string[];
  chosen: string | null;
  onChoose: (id: string | null) => void;
}

const ROW_HEIGHT = 28;
const AXIS_HEIGHT = 27;

/** All actions as a tree, with when each ran beside it: turns, reasoning, calls, handoffs and events in one list. */
export function TraceTab(props: Props) {
  const { recording } = props;
  if (recording.rows.length > 0) return <Trace {...props} />;
  return (
    <Empty title={recording.run.status === "running" ? "Nothing yet" : "Nothing was recorded"}>
      Every action of the run appears here with its place in the tree and in time.
    </Empty>
  );
}

function Trace({ recording, words, chosen, onChoose }: Props) {
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
    (field: "fold" | "open", id: string) => change((now) => toggled(now, field, id)),
    [change],
  );
  useUnfoldedWay(tree, chosen, folded, (ids) =>
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
  // The same function while the places are the same: the virtualizer measures all of them anew for another one.
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
  useAnchor(virtual, scroller, places, (place) => keyOf(tree, place)); // agents side by side grow above what is read
  const keys = useTraceKeys({ tree, places, scroller, virtual, toggle, onChoose });
  const chosenIndex = useMemo(
    () => places.findIndex((place) => place !== ORPHANS && rowAt(tree, place).id === chosen),
    [tree, places, chosen],
  );
  useChosenInSight(virtual, scroller, chosen, chosenIndex);
  useWheel(scroller, sight, whole, look);
  return (
    <div className="run-trace">
      <TraceTools
        search={search}
        onGo={(step) => onChoose(nextHit(inOrder, search.hits ?? NONE, chosen, step) ?? chosen)}
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
