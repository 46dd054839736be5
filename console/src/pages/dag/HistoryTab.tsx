import { useMemo } from "react";
import { useDagAttempts } from "../../api/dags";
import type { Dag } from "../../api/types";
import { Status } from "../../components/badges";
import { ErrorNotice } from "../../components/EmptyState";
import { SearchField } from "../../components/fields";
import { Time } from "../../components/Time";
import { useUrl } from "../../components/url";
import { Cell, VirtualTable } from "../../components/VirtualTable";
import { type DagEvent, dagEvents } from "./dagEvents";

const COLUMNS = "var(--history-columns)"; // narrower on a phone

/** The events of a DAG, latest first. */
export function HistoryTab({ dag, onChoose }: { dag: Dag; onChoose: (jobId: string) => void }) {
  const [query, change] = useUrl();
  const q = query.get("q") ?? "";
  const { data, error, refetch } = useDagAttempts(dag.dag_id, true);
  const lines = useMemo(() => (data ? dagEvents(data) : []), [data]);
  const shown = useMemo(() => lines.filter((line) => matches(line, q.toLowerCase())), [lines, q]);
  if (error && !data) return <ErrorNotice of={error} onRetry={refetch} />;
  return (
    <div className="dag-history">
      <div className="row">
        <SearchField value={q} onChange={(value) => change({ q: value })} label="Job or event" />
        {q && shown.length === 0 && data ? <span className="soft">No matching events.</span> : null}
      </div>
      <VirtualTable
        label="History"
        rows={shown}
        keyOf={(line) => line.key}
        columns={COLUMNS}
        rowHeight={40}
        onOpen={(line) => (line.job ? onChoose(line.job.job_id) : undefined)}
      >
        {(line) => (
          <>
            <Cell>
              <Time at={line.at} />
            </Cell>
            <Cell>
              <Status of={line.status} small />
            </Cell>
            <Cell>
              <span dir="auto">{line.job?.name ?? "This DAG"}</span>
            </Cell>
            <Cell className="dag-history-text">
              <span dir="auto">{line.text}</span>
            </Cell>
          </>
        )}
      </VirtualTable>
    </div>
  );
}

function matches(line: DagEvent, q: string): boolean {
  return !q || `${line.job?.name ?? ""} ${line.text}`.toLowerCase().includes(q);
}
