import type { RecordedRunView } from "../../../api/recorded";
import { momentOf, type Row } from "../../../api/recording";
import { NOTHING } from "../../../parts/format";
import { Took } from "../../../parts/Time";
import { milliseconds } from "../runPage";

interface Props {
  run: RecordedRunView;
  row: Row;
  /** How a length in microseconds is said. */
  words?: (us: number) => string;
}

/** How long an action took; while it and its run go on, how long ago it began. */
export function CallTook({ run, row, words = milliseconds }: Props) {
  if (row.durationUs !== null) return <>{words(row.durationUs)}</>;
  if (run.status !== "running") return <>{NOTHING}</>; // its end was never told
  return <Took from={new Date(momentOf(run, row.startUs)).toISOString()} to={null} />;
}
