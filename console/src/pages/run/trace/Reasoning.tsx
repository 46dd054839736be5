import type { Gathered } from "../../../api/gathered";
import { type BodiesView, useBodies } from "../../../api/recordedRun";
import type { Row } from "../../../api/recording";
import { Failure } from "../../../parts/Failure";
import { loneArgument } from "../json/given";
import { TextSpans } from "../json/TextSpans";
import { Recorded, useShown } from "../messages/Recorded";

export const REASONING_BYTES = 16_384; // of what a thought says: of a longer one the inspector shows more

interface Props {
  run: string;
  row: Row;
  reader: Gathered<BodiesView>;
  words: readonly string[];
  depth: number;
}

/** What a thought or a turn says, in place: plain text as text. */
export function Reasoning({ run, row, reader, words, depth }: Props) {
  const { data, error, refetch } = useBodies(reader, run, row, REASONING_BYTES);
  const body = data?.outputs ?? data?.inputs;
  return (
    <div className="trace-reasoning" style={{ marginLeft: depth + 44 }}>
      {error && !data ? <Failure of={error} again={refetch} /> : null}
      {data || error ? null : <p className="faint">Reading …</p>}
      {data && !body ? <p className="faint">Its words were not recorded.</p> : null}
      {body ? <Said text={body.text} words={words} /> : null}
    </div>
  );
}

function Said({ text, words }: { text: string; words: readonly string[] }) {
  const shown = useShown(text);
  const said = shown.value && (loneArgument(shown.value) ?? shown.value);
  if (said?.is !== "string") return <Recorded of={shown} text={text} words={words} />;
  return (
    <p dir="auto">
      <TextSpans text={said.text} words={words} />
      {said.isCut ? "…" : null}
    </p>
  );
}
