import { useMemo, useState } from "react";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { bytes } from "../../parts/format";
import { laidOutJson } from "../../parts/preview";
import { saveText } from "./saveText";

export const MOST_EDITABLE = 1024 * 1024; // characters that a text field takes without stalling
const MOST_SHOWN = 64 * 1024; // of a value that is longer than that

/** A value as text; JSON laid out, over 1 MB a preview with size and download. */
export function ValueView({ value, name }: { value: string; name: string }) {
  const [isRaw, setIsRaw] = useState(false);
  const size = useMemo(() => new Blob([value]).size, [value]);
  const isBig = value.length > MOST_EDITABLE;
  const json = useMemo(() => (isBig ? null : laidOutJson(value)), [value, isBig]);
  const shown = isBig ? value.slice(0, MOST_SHOWN) : !isRaw && json !== null ? json : value;
  return (
    <div className="store-value">
      <div className="row">
        <h3>Value</h3>
        <span className="faint">
          {bytes(size)}
          {json === null ? "" : " · JSON"}
        </span>
        <span className="store-push" />
        {json === null ? null : (
          <Button kind="quiet" aria-pressed={isRaw} onClick={() => setIsRaw(!isRaw)}>
            As stored
          </Button>
        )}
        <CopyButton text={value} />
        <Button kind="quiet" onClick={() => saveText(value, name)}>
          Download
        </Button>
      </div>
      {value === "" ? (
        <p className="soft">An empty text.</p>
      ) : (
        <pre className="store-text" dir="auto" tabIndex={0} role="region" aria-label="Value">
          {shown}
        </pre>
      )}
      {isBig ? (
        <p className="faint">
          The first {bytes(MOST_SHOWN)} of {bytes(size)}. Download it to see the rest.
        </p>
      ) : null}
    </div>
  );
}
