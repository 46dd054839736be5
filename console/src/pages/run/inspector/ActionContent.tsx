/** The recorded content of an action: inputs, outputs, error and details. */

import { useState } from "react";
import type { BodyView, FailureView } from "../../../api/run";
import { Button, CopyButton } from "../../../components/Button";
import { bytes } from "../../../components/format";
import { indented } from "../../../components/jsonText";
import { toast, toastError } from "../../../components/Toasts";
import { JsonView } from "../content/JsonView";
import { AsJson, RecordedContent, useRecordedContent } from "../content/Messages";
import { TextSpans } from "../content/TextSpans";

interface Props {
  title: string;
  body: BodyView | null;
  words: readonly string[];
}

/** Inputs or outputs with copy and download. */
export function Body({ title, body, words }: Props) {
  const shown = useRecordedContent(body?.text);
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
            <RecordedContent of={shown} text={body.text} words={words} />
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
        Download all
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

const MOST_BYTES = 20 * 2 ** 20; // larger ones are for the download

/** Copies a whole body as formatted JSON, also when it is shown truncated. */
export function CopyBody({ body, what }: { body: BodyView; what: string }) {
  const [isBusy, setBusy] = useState(false);
  async function copy(): Promise<void> {
    setBusy(true);
    try {
      const text = body.cut ? await wholeOf(body.cut.url) : body.text;
      await navigator.clipboard.writeText(indented(text) ?? text);
      toast(`${what} copied.`);
    } catch (error) {
      toastError(error);
    } finally {
      setBusy(false);
    }
  }
  const isTooLarge = (body.cut?.size_bytes ?? 0) > MOST_BYTES;
  return (
    <Button
      kind="quiet"
      busy={isBusy}
      disabled={isTooLarge}
      title={isTooLarge ? `More than ${bytes(MOST_BYTES)}: download it` : `Copy ${what.toLowerCase()} as JSON`}
      onClick={() => void copy()}
    >
      Copy<span className="sr-only"> {what.toLowerCase()} as JSON</span>
    </Button>
  );
}

async function wholeOf(url: string): Promise<string> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`HTTP ${answer.status} ${answer.statusText}`.trim());
  return answer.text();
}

/** An action's error: type, message and traceback. */
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

const WORDS: Record<string, string> = {
  compliance: "Compliance",
  callsite: "Called at",
  attributes: "Attributes",
  status: "Status",
  events: "Events",
  links: "Links to other spans",
  resource: "Resource",
  replay: "Result of the replay",
  harness: "Harness",
  principal: "Principal",
};

/** The other details of an action, most useful first. */
export function Details({ details }: { details: unknown }) {
  if (typeof details !== "object" || details === null) return null;
  const { compliance, callsite, attributes, status, events, links, ...others } = details as Record<string, unknown>;
  return (
    <>
      <Part name="compliance" value={compliance} isOpen />
      {isCallSite(callsite) ? <CallSite of={callsite} /> : <Part name="callsite" value={callsite} isOpen />}
      <Part name="status" value={status} isOpen />
      <Part name="events" value={events} isOpen={hasException(events)} />
      <Part name="links" value={links} />
      <Part name="attributes" value={attributes} />
      {Object.keys(others).length > 0 ? <Part name="Other" value={others} /> : null}
    </>
  );
}

/** A collapsible section of details. */
export function Part({ name, value, isOpen = false }: { name: string; value: unknown; isOpen?: boolean }) {
  if (value === undefined || value === null) return null;
  return (
    <details className="run-details" open={isOpen}>
      <summary>{WORDS[name] ?? name}</summary>
      <div className="run-json" tabIndex={0} role="region" aria-label={WORDS[name] ?? name}>
        <JsonView text={JSON.stringify(value)} />
      </div>
    </details>
  );
}

/** Whether a span's events include an exception. */
function hasException(events: unknown): boolean {
  return Array.isArray(events) && events.some((event) => (event as { name?: unknown } | null)?.name === "exception");
}

interface Site {
  file: string;
  line?: number;
  qualname?: string;
}

function isCallSite(value: unknown): value is Site {
  return typeof value === "object" && value !== null && typeof (value as Partial<Site>).file === "string";
}

function CallSite({ of }: { of: Site }) {
  return (
    <section className="run-part">
      <h3>{WORDS.callsite}</h3>
      <p className="mono whole">
        <bdi>
          {of.file}
          {of.line === undefined ? null : `:${of.line}`}
        </bdi>
        {of.qualname ? ` in ${of.qualname}` : null}
      </p>
    </section>
  );
}
