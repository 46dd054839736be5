"""Log records become entries: messages and details of model calls, evaluations, and named events of a span.

A model call's records carry its span's id, so they and the span come to one action, whichever comes first. They
say nothing of its end. Messages alone do not say what their span is, for agents and tools have them, too: until the
span says, they stand in a step, which is not counted. Log lines without a name are accepted and dropped: a program's
log is no tape.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

from msgspec.structs import replace

from titan.ingest.otlp.calls import Messages, contents_of, cost_of, is_message_event, use_of
from titan.ingest.otlp.spans import OF_A_VERDICT, kind_of, texts_of, verdict_of
from titan.ingest.otlp.telemetry import MEANINGS, Gathered, LogRecord, Span, gather
from titan.ingest.values import Value, conversation, joined_text, object_text, payload_of, text_of, time_of
from titan.model.actions import ActionEntry, ActionKind, Outcome, Payload, Source

DETAILS_OF_A_CALL: Final = frozenset({"gen_ai.client.inference.operation.details", "gen_ai.client.operation.details"})
"""The events that hold a whole call, as a span's attributes would."""
_OF_KIND: Final = frozenset({"kind", "operation"})
_OWN_FIELDS: Final = OF_A_VERDICT | {"span_tags", "run"}  #: what an event's entry has a place of its own for


def entries_of(records: Iterable[LogRecord]) -> Iterator[ActionEntry]:
    """Yield what log records say of actions; the messages of one call in one batch are one entry.

    It may be a part of them: a batch processor cuts where its batch is full, or its second is over.
    """
    calls: dict[tuple[str, str], list[LogRecord]] = {}
    for record in records:
        if len(record.span_id) != 16 or len(record.trace_id) != 32:
            continue  # it names no span
        name = record.name or _event_name(record)
        if is_message_event(name):
            calls.setdefault((record.trace_id, record.span_id), []).append(record)
        elif name in DETAILS_OF_A_CALL:
            yield _call(record)
        elif name:
            yield _event(record, name)
    for of_call in calls.values():
        yield _conversation(of_call)


def run_of(record: LogRecord) -> str:
    """Return the run that a record belongs to."""
    named = record.attributes.get("titan.agent_run_id")
    return str(named)[:200] if named else record.origin.run_id or record.trace_id


def _conversation(records: list[LogRecord]) -> ActionEntry:
    messages = Messages()
    records = sorted(records, key=lambda record: record.at_ns)
    for record in records:
        body = record.body if type(record.body) is dict else {"content": record.body}
        # what the body does not say stands in the attributes, as Azure's and Traceloop's records have it
        own = {key: value for key, value in record.attributes.items() if not key.startswith(("gen_ai.", "event."))}
        messages.add(record.name or _event_name(record), own | body)
    gathered = gather(records[0].attributes)
    has_kind = not _OF_KIND.isdisjoint(gathered.found)
    entry = _entry(
        records[0],
        gathered,
        kind=kind_of(gathered) if has_kind else ActionKind.STEP,
        inputs=conversation(messages.question) if messages.question else None,
        outputs=conversation(messages.answer) if messages.answer else None,
    )
    return replace(entry, is_part=True)


def _call(record: LogRecord) -> ActionEntry:
    body = record.body if type(record.body) is dict else {}
    gathered = gather(body | record.attributes)
    inputs, outputs = contents_of(_as_span(record), gathered, ActionKind.MODEL)
    kind = kind_of(gathered)
    kind = ActionKind.MODEL if kind is ActionKind.STEP else kind
    return _entry(record, gathered, kind=kind, inputs=inputs, outputs=outputs)


def _entry(
    record: LogRecord, gathered: Gathered, *, kind: ActionKind, inputs: Payload | None, outputs: Payload | None
) -> ActionEntry:
    operation = gathered.found.get("operation")
    return ActionEntry(
        id=record.span_id,
        run_id=run_of(record),
        source=Source.OTLP,
        kind=kind,
        name=operation[:500] if type(operation) is str and operation else "chat",
        started_at=time_of(record.at_ns),
        inputs=inputs,
        outputs=outputs,
        cost=cost_of(gathered),
        use=use_of(gathered, record.origin.scope),
        project=record.origin.project,
    )


def _event(record: LogRecord, name: str) -> ActionEntry:
    gathered = gather(record.attributes)
    details: dict[str, str] = {}
    if (verdict := verdict_of(gathered.found)) is not None:
        details["verdict"] = verdict
    if attributes := {key: value for key, value in record.attributes.items() if MEANINGS.get(key) not in _OWN_FIELDS}:
        details["attributes"] = object_text(attributes)
    at = time_of(record.at_ns)
    return ActionEntry(
        id=f"{record.span_id}:{_digest(record)}",
        run_id=run_of(record),
        source=Source.OTLP,
        kind=ActionKind.EVENT,
        name=name[:500],
        started_at=at,
        ended_at=at,
        duration_ns=0,
        outcome=Outcome.SUCCESS,
        parent_id=record.span_id,
        inputs=None if record.body is None else payload_of(record.body),
        tags=texts_of(gathered.found.get("span_tags")),
        details=joined_text(details) if details else None,
        project=record.origin.project,
    )


def _digest(record: LogRecord) -> str:
    """Return the same for an event that is sent again, in whichever request: log records have no id."""
    said = text_of([record.at_ns, record.name, record.body, record.attributes])
    return sha256(said.encode("utf-8", "replace")).hexdigest()[:16]


def _event_name(record: LogRecord) -> str:
    name: Value = record.attributes.get("event.name")
    return name if type(name) is str else ""


def _as_span(record: LogRecord) -> Span:
    return Span(
        origin=record.origin,
        trace_id=record.trace_id,
        id=record.span_id,
        parent_id="",
        name=record.name,
        started_ns=record.at_ns,
        ended_ns=0,
        has_failed=None,
        status_message="",
        attributes={},
        events=[],
        links=[],
    )
