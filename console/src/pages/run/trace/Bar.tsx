import type { Row } from "../../../api/recording";
import { lookOf } from "../../../parts/Status";
import { KINDS, lengthWords } from "../runPage";
import { standOf } from "../telemetry/calls";
import { placeWords, type Sight } from "./axis";

interface Props {
  row: Row;
  sight: Sight;
  nowUs: number;
  isGroup: boolean;
  title: string | undefined;
}

/** When an action ran: of one that groups others a thin bar, of one moment a mark, of one that runs a bar that grows. */
export function Bar({ row, sight, nowUs, isGroup, title }: Props) {
  const length = sight.to - sight.from;
  const end = row.durationUs === null ? Math.max(nowUs, row.startUs) : row.startUs + row.durationUs;
  const isOut = end < sight.from || row.startUs > sight.to;
  const from = Math.max(0, (row.startUs - sight.from) / length);
  const to = Math.min(1, (end - sight.from) / length);
  const stand = standOf(row);
  const tone = stand && stand !== "success" ? lookOf(stand).tone : KINDS[row.kind].tone;
  const words = [
    isMoment(row)
      ? placeWords(row.startUs)
      : `${placeWords(row.startUs)}, ${row.durationUs === null ? "without an end" : lengthWords(row.durationUs)}`,
    title,
  ];
  return (
    <div className="trace-chart" title={words.filter(Boolean).join("\n")}>
      {isOut ? null : (
        <span
          className={`trace-bar tone-${tone}`}
          data-kind={isMoment(row) ? "moment" : isGroup ? "group" : undefined}
          data-runs={stand === "running" || undefined}
          style={{
            left: isMoment(row) ? `clamp(4px, ${from * 100}%, 100% - 4px)` : `${from * 100}%`,
            width: `${Math.max(0, to - from) * 100}%`,
          }}
        />
      )}
    </div>
  );
}

const MOMENT_US = 1000; // a thought that took longer was measured, not only told

/** Whether an action is one of a moment: it is drawn as a mark, and what telling it took is no length to tell. */
export function isMoment(row: Row): boolean {
  if (row.kind === "thought") return row.durationUs !== null && row.durationUs < MOMENT_US;
  return row.kind === "event" || row.kind === "handoff";
}
