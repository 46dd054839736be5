import type { RunView } from "../../../api/recorded";
import { momentOf, type Row } from "../../../api/recording";
import { NOTHING } from "../../../parts/format";
import { Took } from "../../../parts/Time";
import { exactLength, lengthWords } from "../runPage";

interface Props {
  run: RunView;
  row: Row;
}

/** How long an action took, all digits of it when the pointer rests on it; while it and its run go on, how long ago it began. */
export function CallTook({ run, row }: Props) {
  if (row.durationUs !== null) return <span title={exactLength(row.durationUs)}>{lengthWords(row.durationUs)}</span>;
  if (run.status !== "running") return <>{NOTHING}</>; // its end was never told
  return <Took from={new Date(momentOf(run, row.startUs)).toISOString()} to={null} />;
}
