import type { BodyView } from "../../../api/recordedRun";
import { bytes } from "../../../parts/format";
import { AsJson, Recorded, useShown } from "../messages/Recorded";
import { CopyBody } from "./CopyBody";

interface Props {
  title: string;
  body: BodyView | null;
  words: readonly string[];
}

/** Inputs or outputs, whole or their beginning, with ways to copy and to download all of it. */
export function Body({ title, body, words }: Props) {
  const shown = useShown(body?.text);
  return (
    <section className="run-part">
      <div className="run-part-head">
        <h3>{title}</h3>
        {body ? (
          <>
            <span className="faint">{bytes(body.cut?.size_bytes ?? new Blob([body.text]).size)}</span>
            <AsJson of={shown} what={title} />
            <CopyBody body={body} what={title} />
          </>
        ) : null}
      </div>
      {body ? (
        <>
          {body.cut ? <CutNote shown={body.text} cut={body.cut} /> : null}
          <div className="run-json" tabIndex={0} role="region" aria-label={title}>
            <Recorded of={shown} text={body.text} words={words} />
          </div>
        </>
      ) : (
        <p className="faint">Nothing was recorded.</p>
      )}
    </section>
  );
}

function CutNote({ shown, cut }: { shown: string; cut: NonNullable<BodyView["cut"]> }) {
  return (
    <p className="run-cut soft">
      The first {bytes(new Blob([shown]).size)} of {bytes(cut.size_bytes)}.{" "}
      <a href={cut.url} download>
        Download all of it
      </a>
      {cut.sha256 ? (
        <>
          <br />
          <span className="mono">SHA-256 {cut.sha256}</span>
        </>
      ) : null}
    </p>
  );
}
