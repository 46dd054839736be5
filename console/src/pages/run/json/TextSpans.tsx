import { useMemo, useState } from "react";
import { count } from "../../../parts/format";
import { spansOf } from "./spans";
import "./json.css";

const SHOWN_CHARS = 4000; // of one text at first; a long prompt is a screenful, not a hundred

/** A recorded text as text: what was taken away as a chip, control characters written out, what is searched for marked. */
export function TextSpans({ text, words }: { text: string; words?: readonly string[] | undefined }) {
  const [isWhole, setWhole] = useState(text.length <= SHOWN_CHARS * 1.2);
  const shown = isWhole ? text : text.slice(0, SHOWN_CHARS);
  const spans = useMemo(() => spansOf(shown, words), [shown, words]);
  return (
    <bdi className="json-text">
      {spans.map((span, at) => {
        if (span.is === "redacted") {
          return (
            <span
              key={at}
              className="json-chip json-redacted"
              title={`Taken away before it was stored, by the rule ${span.name}`}
            >
              ⊘ {span.name}
            </span>
          );
        }
        if (span.is === "mark") return <mark key={at}>{span.text}</mark>;
        if (span.is === "control") {
          return (
            <span key={at} className="json-control">
              {span.text}
            </span>
          );
        }
        return span.text;
      })}
      {isWhole ? null : (
        <button type="button" className="json-more" onClick={() => setWhole(true)}>
          … {count(text.length - SHOWN_CHARS, "more character")}
        </button>
      )}
    </bdi>
  );
}
