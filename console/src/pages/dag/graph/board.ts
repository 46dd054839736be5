/**
 * The state of the graph's nodes, with a subscription per node: when 50 of 500 jobs change state in a second, only
 * those 50 nodes render.
 */
import { useEffect, useState, useSyncExternalStore } from "react";
import type { Job } from "../../../api/types";
import type { Shape } from "./shape";

interface NodeView {
  /** The jobs of the node: one, or those of a group. */
  jobs: readonly Job[];
  isChosen: boolean;
  /** Whether it is on the critical path; null while that is hidden. */
  isCritical: boolean | null;
}

export interface Marks {
  /** The selected job. */
  chosen: string | null;
  critical: ReadonlySet<string> | null;
}

const NO_VIEW: NodeView = { jobs: [], isChosen: false, isCritical: null };

export class Board {
  private views = new Map<string, NodeView>();
  private readonly watchers = new Map<string, Set<() => void>>();
  private readonly allWatchers = new Set<() => void>();
  private version = 0;

  /** Updates the state, and notifies nodes that changed. */
  show(shape: Shape, jobs: readonly Job[], marks: Marks): void {
    const byId = new Map(jobs.map((job) => [job.job_id, job]));
    const changed: string[] = [];
    const views = new Map<string, NodeView>();
    for (const node of shape.nodes) {
      const own = node.jobs.map((id) => byId.get(id)).filter((job) => job !== undefined);
      const view: NodeView = {
        jobs: own,
        isChosen: marks.chosen !== null && node.jobs.includes(marks.chosen),
        isCritical: marks.critical && node.jobs.some((id) => marks.critical?.has(id)),
      };
      const old = this.views.get(node.id);
      const isSame = old !== undefined && areSame(old, view);
      views.set(node.id, isSame ? old : view);
      if (!isSame) changed.push(node.id);
    }
    this.views = views;
    if (changed.length === 0) return;
    this.version += 1;
    for (const id of changed) for (const tell of this.watchers.get(id) ?? []) tell();
    for (const tell of this.allWatchers) tell();
  }

  readonly view = (id: string): NodeView => this.views.get(id) ?? NO_VIEW;

  watch(id: string, tell: () => void): () => void {
    const own = this.watchers.get(id) ?? new Set();
    this.watchers.set(id, own.add(tell));
    return () => own.delete(tell);
  }

  /** Subscribes to changes of any node. */
  readonly watchAll = (tell: () => void): (() => void) => {
    this.allWatchers.add(tell);
    return () => this.allWatchers.delete(tell);
  };

  /** Increases with every change. */
  readonly current = (): number => this.version;
}

/** Returns a node's state, and renders again when it changes. */
export function useNodeView(board: Board, id: string): NodeView {
  return useSyncExternalStore(
    (tell) => board.watch(id, tell),
    () => board.view(id),
  );
}

function areSame(one: NodeView, other: NodeView): boolean {
  return (
    one.isChosen === other.isChosen &&
    one.isCritical === other.isCritical &&
    one.jobs.length === other.jobs.length &&
    one.jobs.every((job, index) => job === other.jobs[index])
  );
}

const PAUSE_MS = 250; // overview and edges may lag behind the nodes

/** Returns a number that increases when any node has changed, at most four times a second. */
export function useSlowVersion(board: Board): number {
  const [version, setVersion] = useState(board.current);
  useEffect(() => {
    let timer: number | undefined;
    const stop = board.watchAll(() => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        setVersion(board.current());
      }, PAUSE_MS);
    });
    setVersion(board.current());
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [board]);
  return version;
}
