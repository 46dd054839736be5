"""OTLP in JSON: as protobuf's JSON, but ids are hexadecimal, and fields that are not known are nothing to mind."""

import json
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct, field

from titan.ingest.otlp.telemetry import LogRecord, Source, Span, SpanEvent
from titan.ingest.values import Value
from titan.model.errors import InvalidInput

_ERRORS: Final = (2, "2", "STATUS_CODE_ERROR")


class _Camel(Struct, rename="camel"):
    pass


class _AnyValue(_Camel):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | float | str | None = None
    double_value: float | str | None = None
    array_value: "_Values | None" = None
    kvlist_value: "_Pairs | None" = None
    bytes_value: str | None = None


class _KeyValue(_Camel):
    key: str = ""
    value: _AnyValue | None = None


class _Values(_Camel):
    values: list[_AnyValue | None] | None = None


class _Pairs(_Camel):
    values: list[_KeyValue] | None = None


class _Event(_Camel):
    name: str | None = None
    time_unix_nano: int | str | None = None
    attributes: list[_KeyValue] | None = None


class _Status(_Camel):
    code: int | str | None = None
    message: str | None = None


class _Span(_Camel):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    status: _Status | None = None
    attributes: list[_KeyValue] | None = None
    events: list[_Event] | None = None


class _Record(_Camel):
    trace_id: str | None = None
    span_id: str | None = None
    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    event_name: str | None = None
    body: _AnyValue | None = None
    attributes: list[_KeyValue] | None = None


class _Resource(_Camel):
    attributes: list[_KeyValue] | None = None


class _Scope(_Camel):
    name: str | None = None


class _OfScope(_Camel):
    scope: _Scope | None = None
    spans: list[_Span] | None = None
    log_records: list[_Record] | None = None
    metrics: list[msgspec.Raw] | None = None


class _OfResource(_Camel):
    resource: _Resource | None = None
    scope_spans: list[_OfScope] | None = None
    scope_logs: list[_OfScope] | None = None
    scope_metrics: list[_OfScope] | None = None


class _Request(_Camel):
    resource_spans: list[_OfResource] = field(default_factory=list)
    resource_logs: list[_OfResource] = field(default_factory=list)
    resource_metrics: list[_OfResource] = field(default_factory=list)


_DECODER: Final = msgspec.json.Decoder(_Request)


def read_spans(body: bytes) -> Iterator[Span]:
    """Yield the spans of an ExportTraceServiceRequest.

    Raises:
        InvalidInput: it is none.
    """
    for of_resource in _parsed(body).resource_spans:
        for source, of_scope in _scopes(of_resource, of_resource.scope_spans):
            for span in of_scope.spans or ():
                yield _span(span, source)


def read_records(body: bytes) -> Iterator[LogRecord]:
    """Yield the log records of an ExportLogsServiceRequest.

    Raises:
        InvalidInput: it is none.
    """
    for of_resource in _parsed(body).resource_logs:
        for source, of_scope in _scopes(of_resource, of_resource.scope_logs):
            for record in of_scope.log_records or ():
                yield _record(record, source)


def count_metrics(body: bytes) -> int:
    """Return how many metrics an ExportMetricsServiceRequest holds.

    Raises:
        InvalidInput: it is none.
    """
    of_resources = _parsed(body).resource_metrics
    return sum(len(scope.metrics or ()) for resource in of_resources for scope in resource.scope_metrics or ())


def _scopes(of_resource: _OfResource, of_scopes: list[_OfScope] | None) -> Iterator[tuple[Source, _OfScope]]:
    resource = _attributes(of_resource.resource.attributes if of_resource.resource else None)
    for of_scope in of_scopes or ():
        yield Source(resource, (of_scope.scope.name if of_scope.scope else None) or ""), of_scope


def _span(span: _Span, source: Source) -> Span:
    status = span.status or _Status()
    return Span(
        source=source,
        trace_id=_id(span.trace_id),
        id=_id(span.span_id),
        parent_id=_id(span.parent_span_id),
        name=span.name or "",
        started_ns=_whole(span.start_time_unix_nano),
        ended_ns=_whole(span.end_time_unix_nano),
        has_failed=status.code in _ERRORS,
        status_message=status.message or "",
        attributes=_attributes(span.attributes),
        events=[
            SpanEvent(event.name or "", _whole(event.time_unix_nano), _attributes(event.attributes))
            for event in span.events or ()
        ],
    )


def _record(record: _Record, source: Source) -> LogRecord:
    return LogRecord(
        source=source,
        trace_id=_id(record.trace_id),
        span_id=_id(record.span_id),
        at_ns=_whole(record.time_unix_nano) or _whole(record.observed_time_unix_nano),
        name=record.event_name or "",
        body=_value(record.body),
        attributes=_attributes(record.attributes),
    )


def _attributes(pairs: Iterable[_KeyValue] | None) -> dict[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs or ()}


def _value(value: _AnyValue | None) -> Value:
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


def _whole(value: int | str | None) -> int:
    """Return a time; 0, so none, for what is no number."""
    if type(value) is str:
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 20 else 0
    return value if type(value) is int else 0


def _parsed(body: bytes) -> _Request:
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        try:
            return _DECODER.decode(_mended(body))
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            raise InvalidInput(
                "OTLP request",
                expected="JSON of an OTLP request",
                found=f"{len(body)} bytes that are none ({error})",
                next_step="Send what an OTLP exporter over HTTP writes; its Content-Type says which encoding it is.",
            ) from None


def _mended(body: bytes) -> bytes:
    """Return JSON without what is no text: bytes that are not UTF-8, halves of surrogate pairs."""
    value = json.loads(body.decode("utf-8", "replace"))
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
