import { memo } from "react";
import { Link, useNavigate } from "react-router";
import { useDags } from "../../api/dags";
import { type Dag, STAGE_STATUSES } from "../../api/types";
import { JobsBar, Status } from "../../components/badges";
import { EmptyState, NoRowsNotice } from "../../components/EmptyState";
import { OriginControl, originIn, SearchField, StatusFilter } from "../../components/fields";
import { NOTHING } from "../../components/format";
import { Name } from "../../components/links";
import { Page } from "../../components/Page";
import { Duration, Time } from "../../components/Time";
import { chosenAmong, dagPath, toggledAmong, useUrl } from "../../components/url";
import { Cell, VirtualTable } from "../../components/VirtualTable";
import "./dags.css";

/** The DAG Pipelines page: every DAG, newest first. */
export function DagsPage() {
  const [query, change] = useUrl();
  const navigate = useNavigate();
  const q = query.get("q") ?? "";
  const status = chosenAmong(query, "status", STAGE_STATUSES);
  const origin = originIn(query);
  const found = useDags({ q, status, origin });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  return (
    <Page
      title="DAG Pipelines"
      fills
      aside={
        <div className="row">
          <OriginControl chosen={origin} onChange={change} />
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
        <VirtualTable
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
        </VirtualTable>
      ) : (
        <NoRowsNotice
          found={found}
          word="DAG"
          onClear={q || status.length ? () => change({ q: null, status: null }) : null}
        >
          <EmptyState title="No DAGs yet" command={"titan submit extract.py train.py --chain --name nightly"}>
            Each submission appears here with the status of its jobs. To submit one:
          </EmptyState>
        </NoRowsNotice>
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

/** The cells of a DAG, memoized. */
const DagRow = memo(function DagRow({ dag }: { dag: Dag }) {
  return (
    <>
      <Cell className="dags-cell truncate">
        <Link to={dagPath(dag)} className="dags-name" title={dag.name}>
          <Name of={dag.name} />
        </Link>
      </Cell>
      <Cell>
        <Status of={dag.status} pulse={dag.status === "RUNNING"} />
      </Cell>
      <Cell className="dags-jobs">
        <JobsBar counts={dag.counts} />
      </Cell>
      <Cell className="dags-run truncate">
        {dag.agent_run_id ? (
          <Link to={`/agents?origin=${dag.origin}&q=${encodeURIComponent(dag.agent_run_id)}`} title={dag.agent_run_id}>
            <Name of={dag.agent_run_id} />
          </Link>
        ) : (
          <span className="faint">{NOTHING}</span>
        )}
      </Cell>
      <Cell className="dags-since num">
        <Time at={dag.submitted_at} />
      </Cell>
      <Cell className="num">
        <Duration from={dag.started_at} to={dag.ended_at} />
      </Cell>
    </>
  );
});
