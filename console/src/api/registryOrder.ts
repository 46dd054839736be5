/** The registry's orders, as the server has them: for rows that come into a list that was read before. */
import type { Order, RunSort, RunView } from "./recorded";
import { type Pages, withRows } from "./rows";

const FIGURES: Record<Exclude<RunSort, "started">, (run: RunView) => number | null> = {
  cost: (run) => Number(run.tally.cost_usd),
  duration: (run) => run.duration_ms,
  actions: (run) => run.tally.calls,
  success_rate: (run) => run.tally.success_rate,
  determinism: (run) => run.determinism,
};

/** Puts what was read again where the order wants it: a cost that grew may lead a run to another place. */
export function withRuns(
  pages: Pages<RunView> | undefined,
  asked: readonly string[],
  fresh: readonly RunView[],
  { sort, order }: { sort: RunSort; order: Order },
): Pages<RunView> | undefined {
  const isBefore = comesBefore(sort, order);
  if (sort === "started") return withRows(pages, asked, fresh, runId, isBefore);
  return withRows(withRows(pages, asked, [], runId, isBefore), [], fresh, runId, isBefore);
}

/** Returns whether one run stands before another; what is unknown stands last either way. */
export function comesBefore(sort: RunSort, order: Order): (run: RunView, than: RunView) => boolean {
  const sign = order === "desc" ? -1 : 1;
  return (run, than) => {
    const difference = sort === "started" ? byStart(run, than) : byFigure(FIGURES[sort], run, than, sign);
    return sign * (difference || compare(run.run_id, than.run_id)) < 0;
  };
}

function byStart(run: RunView, than: RunView): number {
  return Date.parse(run.started_at) - Date.parse(than.started_at);
}

function byFigure(figure: (run: RunView) => number | null, run: RunView, than: RunView, sign: number): number {
  const [one, other] = [figure(run), figure(than)];
  if (one === other) return 0;
  if (one === null) return sign;
  return other === null ? -sign : one - other;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function runId(run: RunView): string {
  return run.run_id;
}
