import { Link, useNavigate } from "react-router";
import { useLedger } from "../../api/ledger";
import { pageCount } from "../../api/ledgerPages";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { count } from "../../parts/format";
import { Misread } from "../../parts/Misread";
import { NoRows } from "../../parts/NoRows";
import { Page } from "../../parts/Page";
import { Cell, RowList } from "../../parts/RowList";
import { SearchField } from "../../parts/SearchField";
import { SortHead } from "../../parts/SortHead";
import { runPath, useUrl } from "../../parts/url";
import { ActionCells } from "./ActionCells";
import { Filters } from "./Filters";
import { fieldsOf, filterOf, isUnfiltered, misread, noFilter, pageOf } from "./filter";
import { LedgerExport } from "./LedgerExport";
import { Pager } from "./Pager";
import "./ledger.css";

/** The Activity Ledger: every call of all runs. */
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
        <Misread of={misread(query)} />
        {rows.length > 0 ? (
          <>
            <RowList
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
            </RowList>
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
          <Empty title="There is no such page">
            <p>What the filters leave has {count(pages, "page")}.</p>
            <Button onClick={() => turn(pages)}>Show the last page</Button>
          </Empty>
        ) : (
          <NoRows
            found={found}
            word="action"
            onClear={isUnfiltered(filter) && page === 1 ? null : () => change(noFilter())}
          >
            <Empty title="No action is recorded yet" command={"@titan_sdk.action\ndef search(query): ..."}>
              Every model and tool call of every run stands here. The page <Link to="/runs">Runs</Link> has three ways
              to record one.
            </Empty>
          </NoRows>
        )}
      </div>
    </Page>
  );
}
