"""A span becomes an entry of the action that it tells of."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from titan.ingest.otlp.attributes import Gathered, Meaning, gather
from titan.ingest.otlp.contents import CHOICE, MESSAGE_ROLES, contents_of
from titan.ingest.otlp.kinds import kind_of, name_of
from titan.ingest.otlp.telemetry import Source, Span, SpanEvent
from titan.ingest.otlp.use import cost_of, use_of
from titan.ingest.values import Value, joined_text, json_or_text, members_of, object_text, text_of
from titan.model.actions import CALLS, ActionEntry, ActionKind, Failure, ModelUse, Outcome, Teller

MAX_NS: Final = 2**63 - 1  # the year 2262
NO_SPAN: Final = "0" * 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OF_THE_MACHINE: Final = ("host.", "os.", "process.", "telemetry.", "titan.", "service.instance.")
_PENDING: Final = "pending_span"


def action_of(span: Span, run_id: str) -> tuple[ActionEntry, Gathered]:
    """Return the entry of a span, and its attributes, of which some speak of the run."""
    gathered = gather(span.attributes)
    found = gathered.found
    is_pending = found.get("pending") == _PENDING
    kind = kind_of(gathered)
    inputs, outputs = contents_of(span, gathered, kind)
    has_ended = bool(span.ended_ns) and not is_pending
    failure = failure_of(span, found) if has_ended else None
    is_call = kind in CALLS
    use = use_of(gathered)
    cost = cost_of(gathered)
    agent = found.get("agent")
    entry = ActionEntry(
        id=span.parent_id if is_pending and span.parent_id else span.id,
        run_id=run_id,
        teller=Teller.OTLP,
        kind=kind,
        name=name_of(span, kind, found),
        started_at=time_of(span.started_ns),
        ended_at=time_of(span.ended_ns) if has_ended else None,
        duration_ns=max(0, span.ended_ns - span.started_ns) if has_ended else None,
        outcome=None if not has_ended else Outcome.SUCCESS if failure is None else Outcome.ERROR,
        parent_id=_pending_parent(found) if is_pending else span.parent_id or None,
        actor=agent[:500] if type(agent) is str and agent else None,
        inputs=inputs,
        outputs=outputs,
        failure=failure,
        cost=cost if is_call else None,
        use=use if is_call else None,
        tags=texts_of(found.get("span_tags")),
        details=_details(span, gathered, None if is_call else (use, cost)),
    )
    return entry, gathered


def as_frame(entry: ActionEntry) -> ActionEntry:
    """Return a model call within which the same call was told of again as the step that it is then.

    So two instrumentations of one program, of a framework and of the client it uses, count and cost a call once.
    """
    members = {} if entry.details is None else members_of(entry.details) or {}
    if entry.use is not None or entry.cost is not None:
        members["sums"] = _sums_text(entry.use, entry.cost)
    details = joined_text(members) if members else None
    return replace(entry, kind=ActionKind.STEP, cost=None, use=None, details=details)


def time_of(nanoseconds: int) -> datetime:
    """Return a time, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def failure_of(span: Span, found: dict[Meaning, Value]) -> Failure | None:
    """Return why a span failed; None where it says that it did not."""
    if not span.has_failed and found.get("level") != "ERROR":
        return None
    message = span.status_message or str(found.get("status") or "")
    error_type = found.get("error_type")
    for event in span.events:
        if event.name == "exception":
            said = event.attributes
            stack = said.get("exception.stacktrace")
            return Failure(
                type=str(said.get("exception.type") or error_type or "Error")[:500],
                message=str(said.get("exception.message") or message),
                traceback=None if stack is None else str(stack),
            )
    kind, colon, rest = message.partition(": ")
    if error_type is None and colon and kind.isidentifier():  # as Python SDKs write a status: "ValueError: nope"
        return Failure(type=kind[:500], message=rest)
    return Failure(type=str(error_type or "Error")[:500], message=message)


def texts_of(value: Value) -> tuple[str, ...]:
    """Return tags: a list's texts, or one text."""
    if type(value) is str:
        return (value[:200],) if value else ()
    return tuple([item[:200] for item in value if type(item) is str]) if type(value) is list else ()


def verdict_of(found: dict[Meaning, Value]) -> str | None:
    """Return what an evaluation came to, as JSON; None where none is told of."""
    verdict = {
        "name": found.get("verdict"),
        "score": found.get("score"),
        "label": found.get("verdict_label"),
        "explanation": found.get("verdict_reason"),
    }
    said: dict[str, Value] = {key: value for key, value in verdict.items() if value is not None}
    return object_text(said) if said else None


def _pending_parent(found: dict[Meaning, Value]) -> str | None:
    parent = found.get("pending_parent")
    return parent if type(parent) is str and parent and parent != NO_SPAN else None


def _details(span: Span, gathered: Gathered, sums: tuple[ModelUse | None, Decimal | None] | None) -> str | None:
    """Return all else that is known, as a JSON object."""
    found = gathered.found
    members: dict[str, str] = {}
    if span.source.scope:
        members["scope"] = text_of(span.source.scope)
    if gathered.rest:
        members["attributes"] = object_text(gathered.rest)
    if (title := found.get("title")) is not None and title != span.name:
        members["title"] = text_of(title)
    if "user" in found:
        members["principal"] = text_of(found["user"])
    if "metadata" in found:
        members["metadata"] = json_or_text(found["metadata"])
    if (verdict := verdict_of(found)) is not None:
        members["verdict"] = verdict
    if (callsite := _callsite(found)) is not None:
        members["callsite"] = callsite
    if sums is not None and sums != (None, None):
        members["sums"] = _sums_text(*sums)
    if span.events and (events := _events_text(span.events)) is not None:
        members["events"] = events
    return joined_text(members) if members else None


def _callsite(found: dict[Meaning, Value]) -> str | None:
    if "file" not in found and "function" not in found:
        return None
    site = {"file": found.get("file"), "line": found.get("line"), "function": found.get("function")}
    return object_text({key: value for key, value in site.items() if value is not None})


def _sums_text(use: ModelUse | None, cost: Decimal | None) -> str:
    """Return what a frame says of tokens and money: its children say the same again, so it counts nowhere."""
    said: dict[str, Value] = {} if use is None else {name: getattr(use, name) for name in ModelUse.__slots__}
    if cost is not None:
        said["cost_usd"] = str(cost)
    return object_text({key: value for key, value in said.items() if value is not None})


def _events_text(events: Iterable[SpanEvent]) -> str | None:
    """Return the events that are no messages and no exceptions."""
    kept: list[Value] = [
        {"name": event.name, "at_ns": str(event.at_ns), "attributes": event.attributes}
        for event in events
        if event.name != "exception" and event.name != CHOICE and event.name not in MESSAGE_ROLES
    ]
    return text_of(kept) if kept else None


def resource_text(source: Source) -> str | None:
    """Return what is known of the sender, as a JSON object, but for what every program on its machine says."""
    kept = {key: value for key, value in source.resource.items() if not key.startswith(_OF_THE_MACHINE)}
    return object_text(kept) if kept else None
