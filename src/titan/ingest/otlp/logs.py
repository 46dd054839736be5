"""Turn log records into entries: messages and details of model calls, evaluations, and named events of a span.

Records of a model call carry the id of its span, so they and the span are entries of one action, in either order.
Messages do not show what their span is, since agents and tools have them too: until the span arrives, the action is a
step, which is not counted. Log lines without an event name are dropped.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final

from titan.ingest.otlp.attributes import MEANINGS, Gathered, gather
from titan.ingest.otlp.calls import Messages, contents_of, cost_of, is_message_event, use_of
from titan.ingest.otlp.requests import LogRecord
from titan.ingest.otlp.spans import OF_A_VERDICT, kind_of, texts_of, verdict_of
from titan.ingest.values import conversation, joined_text, object_text, payload_of, text_of, time_of
from titan.model.actions import ActionEntry, ActionKind, Outcome, Source

#: Events that hold a whole call, in the attributes that a span would have.
DETAILS_OF_A_CALL: Final = frozenset({"gen_ai.client.inference.operation.details", "gen_ai.client.operation.details"})
_OWN_FIELDS: Final = OF_A_VERDICT | {"span_tags", "run"}  #: meanings that an event's entry has fields for


def entries_of(records: Iterable[LogRecord]) -> Iterator[ActionEntry]:
    """Yield the entries of log records; the messages of one call in one batch are one entry.

    A call's messages may be split between batches: batch processors cut by size and time.
    """
    calls: dict[tuple[str, str], list[LogRecord]] = {}
    for record in records:
        if len(record.span_id) != 16 or len(record.trace_id) != 32:
            continue
        if is_message_event(record.name):
            calls.setdefault((record.trace_id, record.span_id), []).append(record)
        elif record.name in DETAILS_OF_A_CALL:
            yield _call(record)
        elif record.name:
            yield _event(record)
    for of_call in calls.values():
        yield _conversation(of_call)


def _conversation(records: list[LogRecord]) -> ActionEntry:
    messages = Messages()
    records = sorted(records, key=lambda record: record.at_ns)
    for record in records:
        body = record.body if type(record.body) is dict else {"content": record.body}
        # Azure and Traceloop put parts of the message into the attributes.
        own = {key: value for key, value in record.attributes.items() if not key.startswith(("gen_ai.", "event."))}
        messages.add(record.name, own | body)
    gathered = gather(records[0].attributes)
    return _entry(
        records[0],
        gathered,
        kind=ActionKind.STEP if gathered.found.keys().isdisjoint(("kind", "operation")) else kind_of(gathered),
        inputs=conversation(messages.question) if messages.question else None,
        outputs=conversation(messages.answer) if messages.answer else None,
        is_part=True,
    )


def _call(record: LogRecord) -> ActionEntry:
    body = record.body if type(record.body) is dict else {}
    gathered = gather(body | record.attributes)
    inputs, outputs = contents_of((), gathered, ActionKind.MODEL)
    kind = kind_of(gathered)
    kind = ActionKind.MODEL if kind is ActionKind.STEP else kind
    return _entry(record, gathered, kind=kind, inputs=inputs, outputs=outputs)


def _entry(record: LogRecord, gathered: Gathered, **fields: Any) -> ActionEntry:
    operation = gathered.found.get("operation")
    return ActionEntry(
        id=record.span_id,
        run_id=_run_of(record),
        source=Source.OTLP,
        name=operation[:500] if type(operation) is str and operation else "chat",
        started_at=time_of(record.at_ns),
        cost=cost_of(gathered),
        use=use_of(gathered, record.origin.scope),
        project=record.origin.project,
        **fields,
    )


def _event(record: LogRecord) -> ActionEntry:
    gathered = gather(record.attributes)
    details: dict[str, str] = {}
    if (verdict := verdict_of(gathered.found)) is not None:
        details["verdict"] = verdict
    if attributes := {key: value for key, value in record.attributes.items() if MEANINGS.get(key) not in _OWN_FIELDS}:
        details["attributes"] = object_text(attributes)
    at = time_of(record.at_ns)
    return ActionEntry(
        id=f"{record.span_id}:{_digest(record)}",
        run_id=_run_of(record),
        source=Source.OTLP,
        kind=ActionKind.EVENT,
        name=record.name[:500],
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


def _run_of(record: LogRecord) -> str:
    named = record.attributes.get("titan.agent_run_id")
    return str(named)[:200] if named else record.origin.run_id or record.trace_id


def _digest(record: LogRecord) -> str:
    """Return a digest that identifies an event, which has no id, when it is sent again."""
    content = text_of([record.at_ns, record.name, record.body, record.attributes])
    return sha256(content.encode("utf-8", "replace")).hexdigest()[:16]
