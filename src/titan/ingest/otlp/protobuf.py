"""OTLP in protobuf: bytes become spans and log records.

A text that is not UTF-8 makes upb refuse the whole request. Then it is read once more with texts as bytes, and what
is wrong in them is written as escapes, so that one bad character costs no telemetry.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, TypeVar

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from titan.ingest.otlp.telemetry import LogRecord, Origin, Span, SpanEvent, SpanLink
from titan.ingest.values import Value
from titan.model.errors import InvalidInput

#: What a status says of a failure; what is none of these is unset.
_FAILED: Final[dict[int, bool]] = {trace_pb2.Status.STATUS_CODE_ERROR: True, trace_pb2.Status.STATUS_CODE_OK: False}
_Request = TypeVar("_Request", bound=Message)


def read_spans(body: bytes) -> Iterator[Span]:
    """Yield the spans of an ExportTraceServiceRequest.

    Raises:
        InvalidInput: it is none.
    """
    for of_resource in _parsed(body, ExportTraceServiceRequest).resource_spans:
        resource = attributes_of(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            origin = Origin(resource, of_scope.scope.name)
            for span in of_scope.spans:
                yield span_of(span, origin)


def read_records(body: bytes) -> Iterator[LogRecord]:
    """Yield the log records of an ExportLogsServiceRequest.

    Raises:
        InvalidInput: it is none.
    """
    for of_resource in _parsed(body, ExportLogsServiceRequest).resource_logs:
        resource = attributes_of(of_resource.resource.attributes)
        for of_scope in of_resource.scope_logs:
            origin = Origin(resource, of_scope.scope.name)
            for record in of_scope.log_records:
                yield record_of(record, origin)


def count_metrics(body: bytes) -> int:
    """Return how many metrics an ExportMetricsServiceRequest holds.

    Raises:
        InvalidInput: it is none.
    """
    request = _parsed(body, ExportMetricsServiceRequest)
    return sum(len(scope.metrics) for resource in request.resource_metrics for scope in resource.scope_metrics)


def span_of(span: trace_pb2.Span, origin: Origin) -> Span:
    """Return a span as plain values."""
    status = span.status
    return Span(
        origin=origin,
        trace_id=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        has_failed=_FAILED.get(status.code),
        status_message=status.message,
        attributes=attributes_of(span.attributes),
        events=[SpanEvent(event.name, event.time_unix_nano, attributes_of(event.attributes)) for event in span.events],
        links=[
            SpanLink(link.trace_id.hex(), link.span_id.hex(), attributes_of(link.attributes)) for link in span.links
        ],
    )


def record_of(record: logs_pb2.LogRecord, origin: Origin) -> LogRecord:
    """Return a log record as plain values."""
    return LogRecord(
        origin=origin,
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
        at_ns=record.time_unix_nano or record.observed_time_unix_nano,
        name=record.event_name,
        body=_value(record.body),
        attributes=attributes_of(record.attributes),
    )


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """Return attributes by their keys; of equal ones the last."""
    # Most values are texts: asking for one first spares the question which it is.
    return {pair.key: (value := pair.value).string_value or _value(value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "bool_value":
            return value.bool_value
        case "double_value":
            return value.double_value
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return attributes_of(value.kvlist_value.values)
        case "bytes_value":
            return value.bytes_value
        case _:
            return None


def _parsed(body: bytes, kind: type[_Request]) -> _Request:
    request = kind()
    try:
        request.ParseFromString(body)
    except DecodeError:
        try:
            request.ParseFromString(_mended(body, kind.DESCRIPTOR.full_name))
        except DecodeError as error:
            raise InvalidInput(
                "OTLP request",
                expected=f"protobuf of {kind.DESCRIPTOR.name}",
                found=f"{len(body)} bytes that are none ({error})",
                next_step="Send what an OTLP exporter over HTTP writes; its Content-Type says which encoding it is.",
            ) from None
    return request


def _mended(body: bytes, name: str) -> bytes:
    """Return a request whose texts are UTF-8: a byte that is not is written as `\\xe9`."""
    request = _lenient_class(name)()
    request.ParseFromString(body)
    _mend(request)
    return request.SerializeToString()


def _mend(message: Message) -> None:
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                _mend(inner)
        elif field.type == FieldDescriptor.TYPE_BYTES and f"{field.full_name}" in _text_fields():
            if field.is_repeated:
                value[:] = [_utf8(text) for text in value]
            else:
                setattr(message, field.name, _utf8(value))


def _utf8(text: bytes) -> bytes:
    return text.decode("utf-8", "backslashreplace").encode()


@cache
def _lenient_class(name: str) -> type[Message]:
    pool = descriptor_pool.DescriptorPool()
    for file in _files():
        as_bytes = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(as_bytes)
        for message in _messages(as_bytes.message_type):
            for field in message.field:
                if field.type == FieldDescriptor.TYPE_STRING:
                    field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
        pool.Add(as_bytes)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


@cache
def _text_fields() -> frozenset[str]:
    found: set[str] = set()
    for file in _files():
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)
        found.update(_texts(proto.package, proto.message_type))
    return frozenset(found)


def _texts(scope: str, messages: Iterable[descriptor_pb2.DescriptorProto]) -> Iterator[str]:
    for message in messages:
        name = f"{scope}.{message.name}"
        yield from (f"{name}.{field.name}" for field in message.field if field.type == FieldDescriptor.TYPE_STRING)
        yield from _texts(name, message.nested_type)


def _messages(messages: Iterable[descriptor_pb2.DescriptorProto]) -> Iterator[descriptor_pb2.DescriptorProto]:
    for message in messages:
        yield message
        yield from _messages(message.nested_type)


def _files() -> list[FileDescriptor]:
    """Return the files of the three services, each behind those it needs."""
    found: dict[str, FileDescriptor] = {}

    def add(file: FileDescriptor) -> None:
        for needed in file.dependencies:
            add(needed)
        found.setdefault(file.name, file)

    for service in (ExportTraceServiceRequest, ExportLogsServiceRequest, ExportMetricsServiceRequest):
        add(service.DESCRIPTOR.file)
    return list(found.values())
