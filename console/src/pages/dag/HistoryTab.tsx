import { useMemo } from "react";
import { useDagAttempts } from "../../api/dags";
import type { Dag } from "../../api/types";
import { Status } from "../../components/badges";
import { Failure } from "../../components/EmptyState";
import { SearchField } from "../../components/fields";
import { Time } from "../../components/Time";
import { useUrl } from "../../components/url";
import { Cell, RowList } from "../../components/VirtualTable";
import { type TaleLine, taleOf } from "./dagEvents";

const COLUMNS = "var(--story-columns)"; // narrower on a phone

/** What happened to this submission, the latest first. */
export function StoryTab({ dag, onChoose }: { dag: Dag; onChoose: (jobId: string) => void }) {
  const [query, change] = useUrl();
  const q = query.get("q") ?? "";
  const { data, error, refetch } = useDagAttempts(dag.dag_id, true);
  const lines = useMemo(() => (data ? taleOf(data) : []), [data]);
  const shown = useMemo(() => lines.filter((line) => matches(line, q.toLowerCase())), [lines, q]);
  if (error && !data) return <Failure of={error} again={refetch} />;
  return (
    <div className="dag-story">
      <div className="row">
        <SearchField value={q} onChange={(value) => change({ q: value })} label="Job or event" />
        {q && shown.length === 0 && data ? <span className="soft">Nothing of that happened.</span> : null}
      </div>
      <RowList
        label="What happened"
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
            <Cell className="dag-story-text">
              <span dir="auto">{line.text}</span>
            </Cell>
          </>
        )}
      </RowList>
    </div>
  );
}

function matches(line: TaleLine, q: string): boolean {
  return !q || `${line.job?.name ?? ""} ${line.text}`.toLowerCase().includes(q);
}
