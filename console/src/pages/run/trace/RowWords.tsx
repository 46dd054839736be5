import { useMemo } from "react";
import type { Gathered } from "../../../api/gathered";
import { type BodiesView, type BodyView, useBodies } from "../../../api/recordedRun";
import type { Row } from "../../../api/recording";
import { TextSpans } from "../json/TextSpans";
import { gistOf, handoffOf } from "../messages/gist";
import { PREVIEW_BYTES } from "../telemetry/CallRow";

interface Props {
  run: string;
  row: Row;
  /** Reads the beginnings of bodies. */
  reader: Gathered<BodiesView>;
  words: readonly string[];
}

/** The beginning of what a turn was asked and answered, or of a thought: their names tell only which one it is. */
export function RowWords({ run, row, reader, words }: Props) {
  const { data } = useBodies(reader, run, row, PREVIEW_BYTES);
  const asked = useGist(row.kind === "thought" && data?.outputs ? null : data?.inputs);
  const said = useGist(data?.outputs);
  if (!asked && !said) return null;
  return (
    <span className="trace-gist faint">
      {asked ? (
        <span className="cut" title={asked}>
          <TextSpans text={asked} words={words} />
        </span>
      ) : null}
      {asked && said ? <span aria-hidden="true">→</span> : null}
      {said ? (
        <span className="cut" title={said}>
          <TextSpans text={said} words={words} />
        </span>
      ) : null}
    </span>
  );
}

interface HandoffProps extends Props {
  /** The agent that it happened in. */
  within: string;
}

/** Who gave the work to whom; the name alone where it says both, or nobody told. */
export function HandoffWords({ run, row, reader, words, within }: HandoffProps) {
  const { data } = useBodies(reader, run, row, PREVIEW_BYTES);
  const told = useMemo(() => (data?.inputs ? handoffOf(data.inputs.text) : null), [data]);
  if (!told || row.name.includes("→")) return <TextSpans text={row.name} words={words} />;
  return (
    <>
      <TextSpans text={told.from ?? row.actor ?? within} words={words} />
      {" → "}
      <TextSpans text={told.to} words={words} />
      {told.reason ? (
        <span className="faint">
          {" "}
          <TextSpans text={told.reason} words={words} />
        </span>
      ) : null}
    </>
  );
}

function useGist(body: BodyView | null | undefined): string | null {
  return useMemo(() => (body ? gistOf(body.text) : null), [body]);
}
