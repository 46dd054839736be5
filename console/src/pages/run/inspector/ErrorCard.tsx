import type { FailureView } from "../../../api/recordedRun";
import { CopyButton } from "../../../parts/CopyButton";
import { TextSpans } from "../json/TextSpans";

/** Why an action failed: type, message and, where it is known, the traceback. */
export function ErrorCard({ failure, of = "this action" }: { failure: FailureView; of?: string }) {
  const { type, message, traceback } = failure;
  return (
    <div className="run-error">
      <div className="run-part-head">
        <strong className="whole">{type}</strong>
        <CopyButton text={traceback ?? `${type}: ${message}`} />
      </div>
      {message ? (
        <p dir="auto" className="run-error-message">
          <TextSpans text={message} />
        </p>
      ) : null}
      {traceback ? (
        <pre className="run-traceback" tabIndex={0} role="region" aria-label={`Traceback of ${of}`}>
          <TextSpans text={traceback} />
        </pre>
      ) : null}
    </div>
  );
}
