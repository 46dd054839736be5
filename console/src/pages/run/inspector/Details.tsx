import { JsonView } from "../json/JsonView";

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

/** What else is known of an action, part by part; what a person looks for first stands first. */
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

/** One part of what was told, which unfolds. */
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

/** Whether one of a span's events is an exception: what a call got over, or failed by before it failed for good. */
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
