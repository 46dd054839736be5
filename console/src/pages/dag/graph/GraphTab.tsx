import { ReactFlowProvider } from "@xyflow/react";
import { useCallback, useEffect, useLayoutEffect, useMemo, useState } from "react";
import type { Dag, Job } from "../../../api/types";
import { Button } from "../../../components/Button";
import { count, duration } from "../../../components/format";
import { chosenIn, useUrl } from "../../../components/url";
import { Board } from "./board";
import { Graph } from "./Graph";
import { layOut, SIZES } from "./layout";
import { COLLAPSES_ABOVE, type CriticalPath, criticalPath, type Shape, shapeKey, shapeOf } from "./shape";
import "./graph.css";

interface Props {
  dag: Dag;
  /** The selected job. */
  chosen: string | null;
  onChoose: (jobId: string) => void;
}

const NO_JOBS: readonly Job[] = [];

/** The graph of a DAG. The URL holds grouping, expanded groups and the critical path. */
export function GraphTab({ dag, chosen, onChoose }: Props) {
  const [query, change] = useUrl();
  const jobs = dag.jobs ?? NO_JOBS;
  const showsPath = query.get("path") === "critical";
  const openIds = query.get("open") ?? "";
  const siblings = query.get("siblings");
  const { shape, isCollapsed } = useShape(jobs, siblings, openIds);
  const layout = useMemo(
    () => layOut(new Map(shape.nodes.map((node) => [node.id, SIZES[node.kind]])), shape.edges),
    [shape],
  );
  const path = usePath(dag, showsPath);
  const critical = useMemo(() => (path ? new Set(path.jobs) : null), [path]);
  const [board] = useState(() => {
    const first = new Board();
    first.show(shape, jobs, { chosen, critical });
    return first;
  });
  // Before the browser paints, so that no node is drawn without content.
  useLayoutEffect(() => board.show(shape, jobs, { chosen, critical }), [board, shape, jobs, chosen, critical]);
  // Stable while the shape is the same: a new function redraws the graph.
  const open = useCallback(
    (nodeId: string) => {
      const node = shape.nodes.find((one) => one.id === nodeId);
      if (node?.kind === "group") change((now) => ({ open: [...chosenIn(now, "open"), nodeId].join() }), true);
      else if (node?.jobs[0]) onChoose(node.jobs[0]);
    },
    [shape, change, onChoose],
  );
  return (
    <div className="dag-graph-tab">
      <div className="row dag-tools">
        {shape.groupCount > 0 ? (
          <Button
            aria-pressed={isCollapsed}
            onClick={() => change({ siblings: isCollapsed ? "apart" : "together", open: null })}
          >
            Group identical jobs
          </Button>
        ) : null}
        {isCollapsed && openIds ? <Button onClick={() => change({ open: null })}>Collapse all</Button> : null}
        <Button aria-pressed={showsPath} onClick={() => change({ path: showsPath ? null : "critical" })}>
          Critical path
        </Button>
        {path ? <PathWords path={path} /> : null}
        <span className="faint dag-tools-keys">
          <kbd>←</kbd> <kbd>↑</kbd> <kbd>↓</kbd> <kbd>→</kbd> move · <kbd>Enter</kbd> opens · <kbd>+</kbd> <kbd>−</kbd>{" "}
          <kbd>f</kbd> zoom, fit
        </span>
      </div>
      <ReactFlowProvider>
        <Graph name={dag.name} shape={shape} layout={layout} board={board} chosen={chosen} onOpen={open} />
      </ReactFlowProvider>
    </div>
  );
}

function PathWords({ path }: { path: CriticalPath }) {
  if (path.jobs.length === 0) return <span className="soft">Nothing has run yet.</span>;
  return (
    <span className="soft" role="status">
      {count(path.jobs.length, "job")} in a row, {duration(path.lengthMs)} in total
    </span>
  );
}

/** The shape stays the same object while only statuses change, so the layout is kept. */
function useShape(
  jobs: readonly Job[],
  siblings: string | null,
  openIds: string,
): { shape: Shape; isCollapsed: boolean } {
  const key = shapeKey(jobs);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what the shape takes of the jobs
  return useMemo(() => {
    const all = shapeOf(jobs, false);
    const isCollapsed = siblings === "together" || (siblings !== "apart" && all.nodes.length > COLLAPSES_ABOVE);
    return { shape: isCollapsed ? shapeOf(jobs, true, new Set(openIds.split(","))) : all, isCollapsed };
  }, [key, siblings, openIds]);
}

const PATH_PAUSE_MS = 1000; // it changes as jobs run; more often would be unreadable

function usePath(dag: Dag, isShown: boolean): CriticalPath | null {
  const [path, setPath] = useState<CriticalPath | null>(null);
  const [due, setDue] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `due` says when to compute anew
  useEffect(() => {
    const next = isShown ? criticalPath(dag.jobs ?? [], Date.now()) : null;
    setPath((old) =>
      old && next && old.jobs.join() === next.jobs.join() && old.lengthMs === next.lengthMs ? old : next,
    );
  }, [isShown, dag.dag_id, dag.is_final, due]);
  useEffect(() => {
    if (!isShown || dag.is_final) return undefined;
    const timer = window.setInterval(() => setDue((old) => old + 1), PATH_PAUSE_MS);
    return () => window.clearInterval(timer);
  }, [isShown, dag.is_final]);
  return path;
}
