import { type BodyView, useBodies, useBodyReader } from "../../../api/recordedRun";
import { Failure } from "../../../parts/Failure";
import { bytes } from "../../../parts/format";
import { CopyBody } from "../inspector/CopyBody";
import { ErrorCard } from "../inspector/ErrorCard";
import { AsJson, Recorded, useShown } from "../messages/Recorded";
import type { Call } from "./calls";

interface Props {
  run: string;
  call: Call;
  words: readonly string[];
}

const SHOWN_BYTES = 16_384; // of each text: of what is longer the inspector shows more

/** What went in and came out of a call, under its row. */
export function CallDetails({ run, call, words }: Props) {
  const reader = useBodyReader(run, SHOWN_BYTES);
  const { data, error, refetch } = useBodies(reader, run, call, SHOWN_BYTES);
  if (error && !data) return <Failure of={error} again={refetch} />;
  if (!data) return <p className="run-both faint">Reading …</p>;
  return (
    <div className="run-both">
      {data.failure ? <ErrorCard failure={data.failure} of={`call ${call.order}`} /> : null}
      <One title="Inputs" of={`call ${call.order}`} body={data.inputs} words={words} />
      <One title="Outputs" of={`call ${call.order}`} body={data.outputs} words={words} />
    </div>
  );
}

interface OneProps {
  title: string;
  of: string;
  body: BodyView | null;
  words: readonly string[];
}

function One({ title, of, body, words }: OneProps) {
  const shown = useShown(body?.text);
  return (
    <section>
      <div className="run-part-head">
        <h2>{title}</h2>
        {body?.cut ? <span className="faint">the beginning of {bytes(body.cut.size_bytes)}</span> : null}
        {body ? <AsJson of={shown} what={`${title} of ${of}`} /> : null}
        {body ? <CopyBody body={body} what={title} /> : null}
      </div>
      {body ? (
        <div className="run-json" tabIndex={0} role="region" aria-label={`${title} of ${of}`}>
          <Recorded of={shown} text={body.text} words={words} />
        </div>
      ) : (
        <p className="faint">Nothing was recorded.</p>
      )}
    </section>
  );
}
