import type { Worker } from "../../api/facts";
import { Button } from "../../parts/Button";
import { Cell, RowList } from "../../parts/RowList";
import { Status } from "../../parts/Status";
import { Time } from "../../parts/Time";
import { chosenIn, toggled, useUrl } from "../../parts/url";
import { DrainButton } from "./DrainButton";
import { LastMarks, Load, NodeName, Running, Slots } from "./NodeCells";
import { NodeDetails } from "./NodeDetails";

/** Workers as rows; each unfolds to its jobs. */
export function Nodes({
  label,
  workers,
  isGone = false,
}: {
  label: string;
  workers: readonly Worker[];
  isGone?: boolean;
}) {
  const [url, setUrl] = useUrl();
  const open = chosenIn(url, "open");
  function toggle({ worker_id: id }: Worker): void {
    setUrl((now) => toggled(now, "open", id));
  }
  return (
    <div className="workers-nodes" data-gone={isGone || undefined}>
      <RowList
        label={label}
        rows={workers}
        keyOf={(worker) => worker.worker_id}
        columns="var(--workers-columns)"
        rowHeight={56}
        onOpen={toggle}
        onToggle={toggle}
        details={(worker) => (open.includes(worker.worker_id) ? <NodeDetails worker={worker} /> : null)}
        head={
          <>
            <Cell head>Node</Cell>
            <Cell head>State</Cell>
            <Cell head className="workers-wide">
              Slots
            </Cell>
            <Cell head className="workers-wide">
              {isGone ? "Last seen" : "Running"}
            </Cell>
            <Cell head className="workers-wider">
              Load
            </Cell>
            <Cell head className="workers-wider">
              Last jobs
            </Cell>
            <Cell head>
              <span className="unseen">Actions</span>
            </Cell>
          </>
        }
      >
        {(worker) => (
          <>
            <Cell>
              <NodeName worker={worker} />
            </Cell>
            <Cell>
              <Status of={worker.state} />
            </Cell>
            <Cell className="workers-wide">
              <Slots worker={worker} />
            </Cell>
            <Cell className="workers-wide">
              {isGone ? <Time at={worker.seen_at} as="age" /> : <Running worker={worker} />}
            </Cell>
            <Cell className="workers-wider">
              <Load worker={worker} />
            </Cell>
            <Cell className="workers-wider">
              <LastMarks jobs={worker.last_jobs} />
            </Cell>
            <Cell className="workers-acts">
              {isGone ? null : <DrainButton worker={worker} />}
              <Button
                kind="quiet"
                aria-expanded={open.includes(worker.worker_id)}
                aria-label={`Details of ${worker.name}`}
                onClick={() => toggle(worker)}
              >
                <span aria-hidden="true">{open.includes(worker.worker_id) ? "▾" : "▸"}</span>
              </Button>
            </Cell>
          </>
        )}
      </RowList>
    </div>
  );
}
