import type { FailureView } from "../../../api/recordedRun";
import { CopyButton } from "../../../parts/CopyButton";
import { TextSpans } from "../json/TextSpans";

/** Why an action failed: type, message and, where it is known, the traceback. */
export function ErrorCard({ failure }: { failure: FailureView }) {
  const { type, message, traceback } = failure;
  return (
    <section className="run-error" aria-label="Error">
      <div className="run-part-head">
        <h3 className="whole">{type}</h3>
        <CopyButton text={traceback ?? `${type}: ${message}`} />
      </div>
      {message ? (
        <p dir="auto" className="run-error-message">
          <TextSpans text={message} />
        </p>
      ) : null}
      {traceback ? (
        <pre className="run-traceback" tabIndex={0} role="region" aria-label="Traceback">
          <TextSpans text={traceback} />
        </pre>
      ) : null}
    </section>
  );
}
