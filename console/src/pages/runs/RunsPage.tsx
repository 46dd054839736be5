import { useCallback } from "react";
import { useNavigate } from "react-router";
import type { RunView } from "../../api/recorded";
import { useRegistry } from "../../api/registry";
import { count, countedUpTo } from "../../parts/format";
import { Misread } from "../../parts/Misread";
import { Page } from "../../parts/Page";
import { RowList } from "../../parts/RowList";
import { runPath, useUrl } from "../../parts/url";
import { Filters } from "./Filters";
import { fieldsOf, filterOf, isUnfiltered, misread, pickedIn, pickedWith, searchWithin } from "./filter";
import { Intercepts } from "./Intercepts";
import { NothingHere } from "./NothingHere";
import { RunCells } from "./RunCells";
import { RunsHead } from "./RunsHead";
import { RunsTools } from "./RunsTools";
import "./runs.css";

const ROW_HEIGHT = 53;

/** Runs: every run whose calls were recorded, whoever made it; what needs attention on top. */
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
  const told = first ? `${count(first.total, "run")}${countedUpTo(first.isCapped, first.isSearchCapped)}` : "";
  const isNew = first !== undefined && runs.length === 0 && isUnfiltered(filter) && !first.elsewhere?.in_all_time;
  return (
    <Page
      title="Runs"
      fills
      aside={<RunsTools filter={filter} total={first?.total} picked={picked} onSearch={(q) => change({ q })} />}
    >
      <div className="runs">
        <Filters
          filter={filter}
          onChange={(changed) =>
            change((now) => fieldsOf(typeof changed === "function" ? changed(filterOf(now)) : changed))
          }
        />
        <Misread of={misread(query)} />
        {isNew ? null : <Intercepts window={filter.window} agent={filter.agent} q={filter.q} />}
        {runs.length > 0 ? (
          <RowList
            label="Runs"
            rows={runs}
            keyOf={(run: RunView) => run.run_id}
            columns="var(--runs-columns)"
            rowHeight={ROW_HEIGHT}
            head={
              <RunsHead
                told={told}
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
          </RowList>
        ) : (
          <NothingHere found={found} filter={filter} elsewhere={first?.elsewhere ?? null} />
        )}
      </div>
    </Page>
  );
}
