import type { Gathered } from "../../../api/gathered";
import { type BodiesView, useBodies } from "../../../api/recordedRun";
import type { Row } from "../../../api/recording";
import { Failure } from "../../../parts/Failure";
import { JsonView } from "../json/JsonView";
import { parseJson } from "../json/parse";
import { TextSpans } from "../json/TextSpans";
import { REASONING_BYTES } from "./TraceTab";

interface Props {
  run: string;
  row: Row;
  reader: Gathered<BodiesView>;
  depth: number;
}

/** What a thought or a turn says, in place: plain text as text. */
export function Reasoning({ run, row, reader, depth }: Props) {
  const { data, error, refetch } = useBodies(reader, run, row, REASONING_BYTES);
  const body = data?.outputs ?? data?.inputs;
  return (
    <div className="trace-reasoning" style={{ marginLeft: depth + 44 }}>
      {error && !data ? <Failure of={error} again={refetch} /> : null}
      {data || error ? null : <p className="faint">Reading …</p>}
      {data && !body ? <p className="faint">Its words were not recorded.</p> : null}
      {body ? <Said text={body.text} /> : null}
    </div>
  );
}

function Said({ text }: { text: string }) {
  const value = parseJson(text);
  if (value?.is !== "string") return <JsonView text={text} />;
  return (
    <p dir="auto">
      <TextSpans text={value.text} />
      {value.isCut ? "…" : null}
    </p>
  );
}
