import { useNavigate } from "react-router";
import { useDags } from "../../api/dags";
import { STAGE_STATUSES } from "../../api/facts";
import { Empty } from "../../parts/Empty";
import { NoRows } from "../../parts/NoRows";
import { Page } from "../../parts/Page";
import { Cell, RowList } from "../../parts/RowList";
import { SearchField } from "../../parts/SearchField";
import { StatusFilter } from "../../parts/StatusFilter";
import { chosenAmong, dagPath, toggledAmong, useUrl } from "../../parts/url";
import { DagRow } from "./DagRow";
import "./dags.css";

/** DAG Pipelines: every submission, the newest first. */
export function DagsPage() {
  const [query, change] = useUrl();
  const navigate = useNavigate();
  const q = query.get("q") ?? "";
  const status = chosenAmong(query, "status", STAGE_STATUSES);
  const found = useDags({ q, status });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  return (
    <Page
      title="DAG Pipelines"
      fills
      aside={
        <div className="row">
          <StatusFilter
            all={STAGE_STATUSES}
            chosen={status}
            onToggle={(one) => change((now) => toggledAmong(now, "status", STAGE_STATUSES, one))}
          />
          <SearchField value={q} onChange={(text) => change({ q: text })} label="Name or run" />
        </div>
      }
    >
      {found.dags.length > 0 ? (
        <RowList
          label="DAGs"
          rows={found.dags}
          keyOf={(dag) => dag.dag_id}
          columns="var(--dags-columns)"
          head={<Head />}
          onOpen={(dag) => void navigate(dagPath(dag))}
          onEnd={hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : undefined}
          isLoadingMore={isFetchingNextPage}
        >
          {(dag) => <DagRow dag={dag} />}
        </RowList>
      ) : (
        <NoRows found={found} word="DAG" onClear={q || status.length ? () => change({ q: null, status: null }) : null}>
          <Empty title="No DAG was submitted yet" command={"titan submit extract.py train.py --chain --name nightly"}>
            Every submission appears here, with its jobs and how far they are.
          </Empty>
        </NoRows>
      )}
    </Page>
  );
}

function Head() {
  return (
    <>
      <Cell head>Name</Cell>
      <Cell head>Status</Cell>
      <Cell head className="dags-jobs">
        Jobs ended
      </Cell>
      <Cell head className="dags-run">
        Agent run
      </Cell>
      <Cell head className="dags-since num">
        Submitted
      </Cell>
      <Cell head className="num">
        Took
      </Cell>
    </>
  );
}
