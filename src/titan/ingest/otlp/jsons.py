"""OTLP in JSON: as protobuf's JSON, but ids are hexadecimal, and fields that are not known are nothing to mind.

A request that fits is decoded in one go. One that does not is read part by part, so that what is odd in one span costs
no other.
"""

import json
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from titan.ingest.otlp.json_shapes import (
    AnyValue,
    KeyValue,
    LinkShape,
    Number,
    OfResource,
    OfScope,
    RecordShape,
    Request,
    ResourceShape,
    SpanShape,
    StatusShape,
)
from titan.ingest.otlp.telemetry import LogRecord, Origin, Span, SpanEvent, SpanLink, Unread
from titan.ingest.values import Value, shallow
from titan.model.errors import InvalidInput

S = TypeVar("S")
T = TypeVar("T")

#: What a status says of a failure; what is none of these is unset.
_FAILED: Final[dict[Number, bool]] = {
    **dict.fromkeys((2, "2", "STATUS_CODE_ERROR"), True),
    **dict.fromkeys((1, "1", "STATUS_CODE_OK"), False),
}
_DECODER: Final = msgspec.json.Decoder(Request)
_MOST_TIME: Final = 2.0**64
_LONGEST: Final = 300  # characters of a reason, which may name a place a thousand levels deep


@dataclass(frozen=True, slots=True)
class _Signal:
    """Where in a request the parts of one kind stand."""

    of_resource: str
    of_scope: str
    parts: str


_TRACES: Final = _Signal("resourceSpans", "scopeSpans", "spans")
_LOGS: Final = _Signal("resourceLogs", "scopeLogs", "logRecords")
_METRICS: Final = _Signal("resourceMetrics", "scopeMetrics", "metrics")
_SIGNALS: Final = (_TRACES.of_resource, _LOGS.of_resource, _METRICS.of_resource)


def read_spans(body: bytes) -> Iterator[Span | Unread]:
    """Yield the spans of an ExportTraceServiceRequest, and for what cannot be read why.

    Raises:
        InvalidInput: it is none.
    """
    request = _parsed(body)
    if not isinstance(request, Request):
        yield from _each(request, _TRACES, SpanShape, _span)
        return
    for of_resource in request.resource_spans or ():
        for origin, of_scope in _scopes(of_resource, of_resource.scope_spans):
            for span in of_scope.spans or ():
                yield _built(_span, span, origin)


def read_records(body: bytes) -> Iterator[LogRecord | Unread]:
    """Yield the log records of an ExportLogsServiceRequest, and for what cannot be read why.

    Raises:
        InvalidInput: it is none.
    """
    request = _parsed(body)
    if not isinstance(request, Request):
        yield from _each(request, _LOGS, RecordShape, _record)
        return
    for of_resource in request.resource_logs or ():
        for origin, of_scope in _scopes(of_resource, of_resource.scope_logs):
            for record in of_scope.log_records or ():
                yield _built(_record, record, origin)


def count_metrics(body: bytes) -> int:
    """Return how many metrics an ExportMetricsServiceRequest holds.

    Raises:
        InvalidInput: it is none.
    """
    request = _parsed(body)
    if not isinstance(request, Request):
        return sum(part is not None for _, part in _parts(request, _METRICS))
    of_resources = request.resource_metrics or ()
    return sum(len(scope.metrics or ()) for resource in of_resources for scope in resource.scope_metrics or ())


def _scopes(of_resource: OfResource, of_scopes: list[OfScope] | None) -> Iterator[tuple[Origin, OfScope]]:
    resource = _attributes(of_resource.resource.attributes if of_resource.resource else None)
    for of_scope in of_scopes or ():
        yield Origin(resource, (of_scope.scope.name if of_scope.scope else None) or ""), of_scope


def _built(build: Callable[[S, Origin], T], shape: S, origin: Origin) -> T | Unread:
    try:
        return build(shape, origin)
    except RecursionError:
        return Unread("nested deeper than can be read")


def _span(span: SpanShape, origin: Origin) -> Span:
    status = span.status or StatusShape()
    return Span(
        origin=origin,
        trace_id=_id(span.trace_id),
        id=_id(span.span_id),
        parent_id=_id(span.parent_span_id),
        name=span.name or "",
        started_ns=_whole(span.start_time_unix_nano),
        ended_ns=_whole(span.end_time_unix_nano),
        has_failed=_FAILED.get(status.code),
        status_message=status.message or "",
        attributes=_attributes(span.attributes),
        events=[
            SpanEvent(event.name or "", _whole(event.time_unix_nano), _attributes(event.attributes))
            for event in span.events or ()
        ],
        links=_links(span.links) if span.links else [],
    )


def _links(said: object) -> list[SpanLink]:
    """Return links, without those that cannot be read."""
    links: list[SpanLink] = []
    for part in said if isinstance(said, list) else ():
        try:
            link = msgspec.convert(part, LinkShape)
        except (msgspec.ValidationError, RecursionError):
            continue
        links.append(SpanLink(_id(link.trace_id), _id(link.span_id), _attributes(link.attributes)))
    return links


def _record(record: RecordShape, origin: Origin) -> LogRecord:
    return LogRecord(
        origin=origin,
        trace_id=_id(record.trace_id),
        span_id=_id(record.span_id),
        at_ns=_whole(record.time_unix_nano) or _whole(record.observed_time_unix_nano),
        name=record.event_name or "",
        body=_value(record.body),
        attributes=_attributes(record.attributes),
    )


def _attributes(pairs: Iterable[KeyValue] | None) -> dict[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs or ()}


def _value(value: AnyValue | None) -> Value:
    if value is None:
        return None
    if value.string_value is not None:
        return value.string_value
    if value.bool_value is not None:
        return value.bool_value
    if value.int_value is not None:
        return _number(value.int_value, int)
    if value.double_value is not None:
        return _number(value.double_value, float)
    if value.array_value is not None:
        return [_value(item) for item in value.array_value.values or ()]
    if value.kvlist_value is not None:
        return _attributes(value.kvlist_value.values)
    return None if value.bytes_value is None else _bytes(value.bytes_value)


def _id(text: str | None) -> str:
    """Return an id in small letters; of what is not hexadecimal enough to be seen as wrong."""
    small = (text or "").lower()
    return "?" if small.strip("0123456789abcdef") else small


def _number(value: float | str, kind: type[int] | type[float]) -> Value:
    try:
        return kind(value)
    except (ValueError, OverflowError):  # a text that is none, infinity as a whole number
        return value


def _bytes(text: str) -> Value:
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return text


def _whole(value: Number) -> int:
    """Return a time; 0, so none, for what is no whole number."""
    if type(value) is str and value.isascii() and value.isdigit():
        return int(value) if len(value) <= 20 else 0
    if isinstance(value, int):
        return value
    try:
        number = float(value or 0)
    except ValueError:  # a text that is none
        return 0
    return int(number) if abs(number) < _MOST_TIME and number.is_integer() else 0


# --- requests that do not fit ---


def _parsed(body: bytes) -> Request | dict[str, Any]:
    """Return a request; what does not fit as the JSON object that it is."""
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        value = _mended(body)
        if isinstance(value, dict) and all(isinstance(value.get(name, []), list | None) for name in _SIGNALS):
            return value
        raise InvalidInput(
            "OTLP request",
            expected="JSON of an OTLP request",
            found=f"{len(body)} bytes that are none ({error})",
            next_step="Send what an OTLP exporter over HTTP writes; its Content-Type says which encoding it is.",
        ) from None


def _mended(body: bytes) -> Any:
    """Return JSON without what is no text: bytes that are not UTF-8, halves of surrogate pairs. None where it is none.

    What is nested deeper than Python reads comes as the text that it is.
    """
    text = body.decode("utf-8", "replace")
    for read in (str, shallow):
        try:
            value = json.loads(read(text))
            return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        except RecursionError:
            continue
        except ValueError:
            return None
    return None


def _each(
    request: dict[str, Any], signal: _Signal, shape: type[S], build: Callable[[S, Origin], T]
) -> Iterator[T | Unread]:
    """Yield the parts of a request, each read for itself."""
    for origin, part in _parts(request, signal):
        try:
            yield _built(build, msgspec.convert(part, shape), origin)
        except (msgspec.ValidationError, RecursionError) as error:
            yield Unread(f"{_named(part)}: {error}"[:_LONGEST])


def _parts(request: dict[str, Any], signal: _Signal) -> Iterator[tuple[Origin, Any]]:
    for of_resource in _listed(request, signal.of_resource):
        resource = _resource(_member(of_resource, "resource"))
        for of_scope in _listed(of_resource, signal.of_scope):
            origin = Origin(resource, _scope(_member(of_scope, "scope")))
            for part in _listed(of_scope, signal.parts):
                yield origin, part


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _listed(value: Any, name: str) -> list[Any]:
    """Return what an object lists under a name; [None], a part that cannot be read, for no such object or list."""
    if not isinstance(value, dict):
        return [None]
    listed = value.get(name)
    return listed if isinstance(listed, list) else [] if listed is None else [None]


def _resource(value: Any) -> dict[str, Value]:
    """Return a resource's attributes, without those that cannot be read: what else it says may name the run."""
    pairs = _member(value, "attributes")
    attributes: dict[str, Value] = {}
    for pair in pairs if isinstance(pairs, list) else ():
        try:
            attributes |= _attributes(msgspec.convert({"attributes": [pair]}, ResourceShape).attributes)
        except (msgspec.ValidationError, RecursionError):
            continue
    return attributes


def _scope(value: Any) -> str:
    name = _member(value, "name")
    return name if isinstance(name, str) else ""


def _named(part: Any) -> str:
    name = _member(part, "spanId") or _member(part, "name")
    return f"{name}"[:100] if name else "one without a name"
