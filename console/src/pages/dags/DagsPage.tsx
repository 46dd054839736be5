import { useNavigate } from "react-router";
import { useDags } from "../../api/dags";
import { STAGE_STATUSES } from "../../api/facts";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { Failure } from "../../parts/Failure";
import { Page } from "../../parts/Page";
import { Cell, RowList } from "../../parts/RowList";
import { SearchField } from "../../parts/SearchField";
import { StatusFilter } from "../../parts/StatusFilter";
import { chosenIn, dagPath, useUrl } from "../../parts/url";
import { DagRow } from "./DagRow";
import "./dags.css";

/** DAG Pipelines: every submission, the newest first. */
export function DagsPage() {
  const [query, change] = useUrl();
  const navigate = useNavigate();
  const q = query.get("q") ?? "";
  const status = chosenIn(query, "status");
  const found = useDags({ q, status });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  return (
    <Page
      title="DAG Pipelines"
      fills
      aside={
        <div className="row">
          <StatusFilter all={STAGE_STATUSES} chosen={status} onChange={(chosen) => change({ status: chosen.join() })} />
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
        <Nothing
          found={found}
          isFiltered={Boolean(q || status.length)}
          onClear={() => change({ q: null, status: null })}
        />
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

interface NothingProps {
  found: ReturnType<typeof useDags>;
  isFiltered: boolean;
  onClear: () => void;
}

function Nothing({ found, isFiltered, onClear }: NothingProps) {
  if (found.isError) return <Failure of={found.error} again={found.refetch} />;
  if (found.isPending) return <p className="faint">Loading …</p>;
  if (isFiltered) {
    return (
      <Empty title="No DAG matches">
        <Button onClick={onClear}>Show all DAGs</Button>
      </Empty>
    );
  }
  return (
    <Empty title="No DAG was submitted yet" command={"titan submit extract.py train.py --chain --name nightly"}>
      Every submission appears here, with its jobs and how far they are.
    </Empty>
  );
}
