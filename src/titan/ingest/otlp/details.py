"""What is known of an action or run beside what it did: a JSON object, with the names of `ActionEntry.details`."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from titan.ingest.otlp.attributes import Gathered, Meaning
from titan.ingest.otlp.contents import is_message_event
from titan.ingest.otlp.failures import last_exception, status_of
from titan.ingest.otlp.telemetry import Origin, Span, SpanLink
from titan.ingest.values import Value, joined_text, json_or_text, object_text, text_of
from titan.model.actions import Failure, ModelUse

_OF_THE_MACHINE: Final = ("host.", "os.", "process.", "telemetry.", "titan.", "service.instance.")
OF_A_VERDICT: Final[frozenset[Meaning]] = frozenset({"verdict", "score", "verdict_label", "verdict_reason"})
#: Of a span's last exception, what its failure has.
_OF_A_FAILURE: Final = frozenset({"exception.type", "exception.message", "exception.stacktrace", "exception.escaped"})
MOST_LISTED: Final = 128  # events, and links: what OpenTelemetry's SDKs keep of either
MOST_CHARACTERS: Final = 256 * 1024  # of all events, and of all links: a traceback has 2 to 10 thousand


def details_of(span: Span, gathered: Gathered, failure: Failure | None, beside: dict[str, str]) -> str | None:
    """Return all that a span says and its entry has no field for; `beside` are further members."""
    found = gathered.found
    members: dict[str, str] = {}
    if span.origin.scope:
        members["scope"] = text_of(span.origin.scope)
    if attributes := gathered.rest | _error_type(found, failure):
        members["attributes"] = object_text(attributes)
    if (status := status_of(span, found)) and (failure is None or status not in f"{failure.type}: {failure.message}"):
        members["status"] = text_of(status)
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
    members |= _with_it(span, failure) | beside
    return joined_text(members) if members else None


def verdict_of(found: dict[Meaning, Value]) -> str | None:
    """Return what an evaluation came to, as JSON; None where none is told of."""
    if OF_A_VERDICT.isdisjoint(found):
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


def _error_type(found: dict[Meaning, Value], failure: Failure | None) -> dict[str, Value]:
    """Return the attribute `error.type` where the failure is not called so."""
    error_type = found.get("error_type")
    is_told = error_type is None or (failure is not None and failure.type == str(error_type))
    return {} if is_told else {"error.type": error_type}


def _with_it(span: Span, failure: Failure | None) -> dict[str, str]:
    """Return what events and links say; most spans have none."""
    if not span.events and not span.links:
        return {}
    return _listed("events", _events(span, failure)) | _listed("links", map(_link, span.links))


def _events(span: Span, failure: Failure | None) -> Iterable[Value]:
    """Yield the events that are no messages, and of the exception that is the failure what that does not say."""
    told = None if failure is None else last_exception(span)
    for event in span.events:
        if is_message_event(event.name):
            continue
        attributes = event.attributes
        if event is told:
            attributes = {key: value for key, value in attributes.items() if key not in _OF_A_FAILURE}
            if not attributes:
                continue
        yield {"name": event.name, "at_ns": str(event.at_ns), "attributes": attributes}


def _link(link: SpanLink) -> Value:
    said: dict[str, Value] = {"trace_id": link.trace_id, "span_id": link.span_id}
    return said | {"attributes": link.attributes} if link.attributes else said


def _listed(name: str, items: Iterable[Value]) -> dict[str, str]:
    """Return the last items as a member, whole ones only, and how many are left out as another; none for no items."""
    texts = list(map(text_of, items))
    if not texts:
        return {}
    kept = _last(texts)
    members = {name: f"[{','.join(kept)}]"}
    return members if len(kept) == len(texts) else members | {f"{name}_left_out": str(len(texts) - len(kept))}


def _last(texts: Sequence[str]) -> Sequence[str]:
    """Return the last texts, as many as there is room for; at least one."""
    room, first = MOST_CHARACTERS, len(texts)
    while first > max(0, len(texts) - MOST_LISTED) and (room > len(texts[first - 1]) or first == len(texts)):
        first -= 1
        room -= len(texts[first])
    return texts[first:]


def resource_text(origin: Origin) -> str | None:
    """Return what is known of the sender, as a JSON object, but for what every program on its machine says."""
    kept = {key: value for key, value in origin.resource.items() if not key.startswith(_OF_THE_MACHINE)}
    if origin.service is None:
        kept.pop("service.name", None)
    return object_text(kept) if kept else None
