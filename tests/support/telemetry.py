"""Spans, log records and requests of OTLP, in which only what matters is stated."""

from collections.abc import Mapping, Sequence

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from titan.ingest.otlp import read_logs, read_traces
from titan.model.actions import ActionEntry, RunEntry

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "00f067aa0ba902b7"
PARENT_ID = "b7ad6b7169203331"
STARTED_NS = 1_772_366_400_000_000_000  # 2026-03-01T12:00Z
SECOND_NS = 1_000_000_000


def a_value(value: object) -> AnyValue:
    """Return a value as OTLP says it."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[a_value(item) for item in value]))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
        case _:
            raise TypeError(f"OTLP has no {type(value).__name__}")


def pairs(attributes: Mapping[str, object]) -> list[KeyValue]:
    """Return attributes as OTLP says them."""
    return [KeyValue(key=key, value=a_value(value)) for key, value in attributes.items()]


def a_span(
    attributes: Mapping[str, object] | None = None,
    *,
    name: str = "work",
    span_id: str = SPAN_ID,
    parent_id: str = "",
    trace_id: str = TRACE_ID,
    seconds: float | None = 1,
    error: str | None = None,
    events: Sequence[tuple[str, Mapping[str, object]]] = (),
    links: Sequence[Span.Link] = (),
    is_ok: bool = False,
) -> Span:
    """Return a span; `seconds` None is one that has not ended. Without `error` and `is_ok` its status is unset."""
    unfailed = Status(code=Status.STATUS_CODE_OK) if is_ok else Status()
    return Span(
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(span_id),
        parent_span_id=bytes.fromhex(parent_id),
        name=name,
        start_time_unix_nano=STARTED_NS,
        end_time_unix_nano=0 if seconds is None else STARTED_NS + int(seconds * SECOND_NS),
        attributes=pairs(attributes or {}),
        status=unfailed if error is None else Status(code=Status.STATUS_CODE_ERROR, message=error),
        events=[Span.Event(name=event, time_unix_nano=STARTED_NS, attributes=pairs(said)) for event, said in events],
        links=links,
    )


def a_link(attributes: Mapping[str, object] | None = None) -> Span.Link:
    """Return a link to a span of another trace."""
    return Span.Link(trace_id=b"\xab" * 16, span_id=b"\xcd" * 8, attributes=pairs(attributes or {}))


def a_request(*spans: Span, resource: Mapping[str, object] | None = None, scope: str = "") -> ExportTraceServiceRequest:
    """Return a request to /v1/traces."""
    of_scope = ScopeSpans(spans=spans)
    of_scope.scope.name = scope
    of_resource = ResourceSpans(resource=Resource(attributes=pairs(resource or {})), scope_spans=[of_scope])
    return ExportTraceServiceRequest(resource_spans=[of_resource])


def a_record(
    name: str = "",
    body: object = None,
    attributes: Mapping[str, object] | None = None,
    *,
    span_id: str = SPAN_ID,
    at_ns: int = STARTED_NS,
) -> LogRecord:
    """Return a log record of a span."""
    return LogRecord(
        trace_id=bytes.fromhex(TRACE_ID),
        span_id=bytes.fromhex(span_id),
        time_unix_nano=at_ns,
        event_name=name,
        body=a_value(body),
        attributes=pairs(attributes or {}),
    )


def entries_of(*spans: Span, resource: Mapping[str, object] | None = None) -> list[ActionEntry | RunEntry]:
    """Return what spans come to."""
    body = a_request(*spans, resource=resource).SerializeToString()
    return list(read_traces(body, content_type="application/x-protobuf", content_encoding=None).entries)


def actions_of(*spans: Span, resource: Mapping[str, object] | None = None) -> list[ActionEntry]:
    """Return the actions that spans come to, in the spans' order."""
    return [entry for entry in entries_of(*spans, resource=resource) if isinstance(entry, ActionEntry)]


def run_of(*spans: Span, resource: Mapping[str, object] | None = None) -> RunEntry:
    """Return the one run that spans come to."""
    [run] = [entry for entry in entries_of(*spans, resource=resource) if isinstance(entry, RunEntry)]
    return run


def logged(*records: LogRecord, resource: Mapping[str, object] | None = None) -> list[ActionEntry]:
    """Return what log records come to."""
    of_resource = ResourceLogs(
        resource=Resource(attributes=pairs(resource or {})), scope_logs=[ScopeLogs(log_records=records)]
    )
    body = ExportLogsServiceRequest(resource_logs=[of_resource]).SerializeToString()
    entries = read_logs(body, content_type=None, content_encoding=None).entries
    return [entry for entry in entries if isinstance(entry, ActionEntry)]
