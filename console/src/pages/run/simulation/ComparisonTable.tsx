import { useState } from "react";
import type { ComparedRow, Comparison } from "../../../api/replays";
import { Empty } from "../../../parts/Empty";
import { Cell, RowList } from "../../../parts/RowList";
import { CallDiff } from "./CallDiff";
import { cellText, REMARKS, STATUS_WORDS } from "./words";

const ROW_HEIGHT = 40;

interface Props {
  run: string;
  other: string | null; // null: an execution, whose calls are stored nowhere else
  comparison: Comparison;
}

/** Action | original | replay | status: a row for the inputs of a call and one for its outputs. Enter opens the difference. */
export function ComparisonTable({ run, other, comparison: { rows, has_more_rows: hasMore } }: Props) {
  const [isOnlyDiverged, setOnlyDiverged] = useState(false);
  const [opened, setOpened] = useState<ComparedRow | null>(null);
  const shown = isOnlyDiverged ? rows.filter((row) => row.status === "diverged") : rows;
  return (
    <>
      <div className="row">
        <h3>Comparison</h3>
        {hasMore ? <span className="soft">The first 2,000 rows.</span> : null}
        <button
          type="button"
          className="chip compare-only"
          aria-pressed={isOnlyDiverged}
          onClick={() => setOnlyDiverged(!isOnlyDiverged)}
        >
          Only differences
        </button>
      </div>
      {shown.length > 0 ? (
        <div className="simulation-table" style={{ height: `min(50vh, ${(shown.length + 1) * ROW_HEIGHT}px)` }}>
          <RowList
            label="Comparison"
            rows={shown}
            keyOf={(row) => `${row.original_id} ${row.replay_id} ${row.part}`}
            columns="minmax(0, 1fr) minmax(0, 2fr) minmax(0, 2fr) 120px"
            rowHeight={ROW_HEIGHT}
            {...(other === null ? {} : { onOpen: setOpened })}
            head={
              <>
                <Cell head>Action</Cell>
                <Cell head>Original</Cell>
                <Cell head>Replay</Cell>
                <Cell head>Status</Cell>
              </>
            }
          >
            {(row) => <RowCells row={row} />}
          </RowList>
        </div>
      ) : (
        <Empty title="Nothing diverged" />
      )}
      {opened && other !== null ? (
        <CallDiff run={run} other={other} row={opened} onClose={() => setOpened(null)} />
      ) : null}
    </>
  );
}

function RowCells({ row }: { row: ComparedRow }) {
  const remarks = row.remarks.map((remark) => REMARKS[remark] ?? remark).join("\n");
  return (
    <>
      <Cell className="simulation-name cut">
        <bdi>{row.action}</bdi>
      </Cell>
      <Side text={cellText(row, row.original)} />
      <Side text={cellText(row, row.replay)} />
      <Cell className={`simulation-status-${row.status}`}>
        <span title={remarks || undefined}>
          {STATUS_WORDS[row.status]}
          {remarks ? " *" : ""}
        </span>
      </Cell>
    </>
  );
}

function Side({ text }: { text: string | null }) {
  return (
    <Cell className="mono cut">
      {text === null ? <span className="faint">–</span> : <span dir="auto">{text}</span>}
    </Cell>
  );
}
