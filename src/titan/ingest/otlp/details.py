"""What is known of an action or run beside what it did: a JSON object, with the names of `ActionEntry.details`."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from titan.ingest.otlp.attributes import Gathered, Meaning
from titan.ingest.otlp.contents import is_message_event
from titan.ingest.otlp.telemetry import Source, Span, SpanEvent
from titan.ingest.values import Value, joined_text, json_or_text, object_text, text_of
from titan.model.actions import ModelUse

_OF_THE_MACHINE: Final = ("host.", "os.", "process.", "telemetry.", "titan.", "service.instance.")
_OF_A_VERDICT: Final = frozenset({"verdict", "score", "verdict_label", "verdict_reason"})


def details_of(span: Span, gathered: Gathered, beside: dict[str, str]) -> str | None:
    """Return all that a span says and its entry has no field for; `beside` are further members."""
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
    if span.events and (events := _events_text(span.events)) is not None:
        members["events"] = events
    members |= beside
    return joined_text(members) if members else None


def verdict_of(found: dict[Meaning, Value]) -> str | None:
    """Return what an evaluation came to, as JSON; None where none is told of."""
    if _OF_A_VERDICT.isdisjoint(found):
        return None
    verdict = {
        "name": found.get("verdict"),
        "score": found.get("score"),
        "label": found.get("verdict_label"),
        "explanation": found.get("verdict_reason"),
    }
    said: dict[str, Value] = {key: value for key, value in verdict.items() if value is not None}
    return object_text(said)


def _callsite(found: dict[Meaning, Value]) -> str | None:
    if "file" not in found and "function" not in found:
        return None
    site = {"file": found.get("file"), "line": found.get("line"), "function": found.get("function")}
    return object_text({key: value for key, value in site.items() if value is not None})


def sums_text(use: ModelUse | None, cost: Decimal | None) -> str:
    """Return what a frame says of tokens and money: its children say the same again, so it counts nowhere."""
    said: dict[str, Value] = {} if use is None else {name: getattr(use, name) for name in ModelUse.__struct_fields__}
    if cost is not None:
        said["cost_usd"] = str(cost)
    return object_text({key: value for key, value in said.items() if value is not None})


def _events_text(events: Iterable[SpanEvent]) -> str | None:
    """Return the events that are no messages and no exceptions."""
    kept: list[Value] = [
        {"name": event.name, "at_ns": str(event.at_ns), "attributes": event.attributes}
        for event in events
        if event.name != "exception" and not is_message_event(event.name)
    ]
    return text_of(kept) if kept else None


def resource_text(source: Source) -> str | None:
    """Return what is known of the sender, as a JSON object, but for what every program on its machine says."""
    kept = {key: value for key, value in source.resource.items() if not key.startswith(_OF_THE_MACHINE)}
    if source.service is None:
        kept.pop("service.name", None)
    return object_text(kept) if kept else None
