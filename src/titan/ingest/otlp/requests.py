"""Decode OTLP request bodies, in protobuf or JSON and compressed or not, into spans and log records."""

import json
import re
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, cached_property
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from titan.ingest.values import MOST_LEVELS, Value, read_json
from titan.model.actions import project_name
from titan.model.errors import InvalidInput, TooLarge

MAX_BODY_BYTES: Final = 64 * 1024 * 1024  # a batch of 512 spans, the SDKs' default, of 128 KB each
_WHAT: Final = "OTLP request"
_NEXT_STEP: Final = "Send what an OTLP exporter over HTTP writes, with the Content-Type of its encoding."
_ANY_WINDOW: Final = zlib.MAX_WBITS | 32  # gzip or zlib, detected from the header
_HEX: Final = re.compile("[0-9a-f]+")
#: The span's status code → whether it failed. Other codes are unset.
_FAILED: Final[dict[int, bool]] = {trace_pb2.Status.STATUS_CODE_ERROR: True, trace_pb2.Status.STATUS_CODE_OK: False}
_Request = TypeVar("_Request", bound=Message)
_IdReader: TypeAlias = Callable[[bytes], str]


class Origin:
    """The sender of telemetry: the resource's attributes and the name of the instrumentation scope."""

    def __init__(self, resource: dict[str, Value], scope: str) -> None:
        self.resource = resource
        self.scope = scope

    @cached_property
    def run_id(self) -> str | None:
        """The run that the resource names."""
        run = self.resource.get("titan.agent_run_id")
        return str(run)[:200] if run else None

    @cached_property
    def project(self) -> str | None:
        """The project that the resource names."""
        return project_name(self.resource.get("titan.project"))

    @cached_property
    def service(self) -> str | None:
        """The service's name, None where the SDK generated it."""
        name = self.resource.get("service.name")
        is_generated = type(name) is not str or name.startswith("unknown_service") or name.endswith(".py")
        return None if is_generated else str(name) or None


class SpanEvent(msgspec.Struct):
    """An event of a span."""

    name: str
    at_ns: int
    attributes: dict[str, Value]


class SpanLink(msgspec.Struct):
    """A link from a span to another span, in the same trace or another."""

    trace_id: str
    span_id: str
    attributes: dict[str, Value]


class Span(msgspec.Struct, kw_only=True):
    """A span. Ids are hexadecimal; times are nanoseconds since 1970, 0 where missing."""

    origin: Origin
    trace_id: str
    id: str
    parent_id: str  #: "" for a root
    name: str
    started_ns: int
    ended_ns: int
    has_failed: bool | None  #: None: the status is unset
    status_message: str
    attributes: dict[str, Value]
    events: list[SpanEvent]
    links: list[SpanLink]


class LogRecord(msgspec.Struct, kw_only=True):
    """A log record. Ids are "" where missing."""

    origin: Origin
    trace_id: str
    span_id: str
    at_ns: int
    name: str  #: of the event; "" for a plain log line
    body: Value
    attributes: dict[str, Value]


class Unread(msgspec.Struct):
    """A span or log record in JSON that cannot be read; it costs no other."""

    problem: str


def read_spans(body: bytes, content_type: str | None = None) -> Iterator[Span | Unread]:
    """Yield the spans of an ExportTraceServiceRequest.

    Raises:
        InvalidInput: the body cannot be decoded.
    """
    request, id_of, unread = _request(body, content_type, ExportTraceServiceRequest)
    yield from unread
    for of_resource in request.resource_spans:
        resource = attributes_of(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            origin = Origin(resource, of_scope.scope.name)
            for span in of_scope.spans:
                yield _span(span, origin, id_of)


def read_records(body: bytes, content_type: str | None = None) -> Iterator[LogRecord | Unread]:
    """Yield the log records of an ExportLogsServiceRequest.

    Raises:
        InvalidInput: the body cannot be decoded.
    """
    request, id_of, unread = _request(body, content_type, ExportLogsServiceRequest)
    yield from unread
    for of_resource in request.resource_logs:
        resource = attributes_of(of_resource.resource.attributes)
        for of_scope in of_resource.scope_logs:
            origin = Origin(resource, of_scope.scope.name)
            for record in of_scope.log_records:
                yield _record(record, origin, id_of)


def count_metrics(body: bytes, content_type: str | None = None) -> int:
    """Return the number of metrics in an ExportMetricsServiceRequest.

    Raises:
        InvalidInput: the body cannot be decoded.
    """
    request, _, _ = _request(body, content_type, ExportMetricsServiceRequest)
    return sum(len(scope.metrics) for resource in request.resource_metrics for scope in resource.scope_metrics)


def is_json(content_type: str | None) -> bool:
    """Return whether a body is OTLP/JSON; without a content type it is protobuf.

    Raises:
        InvalidInput: the content type is neither.
    """
    media = (content_type or "application/x-protobuf").partition(";")[0].strip().lower()
    if media in ("application/json", "text/json"):
        return True
    if media in ("application/x-protobuf", "application/protobuf", "application/octet-stream"):
        return False
    raise InvalidInput(
        _WHAT,
        expected="Content-Type application/x-protobuf or application/json",
        found=media[:100],
        next_step="Set the exporter's protocol to http/protobuf or http/json.",
    )


def decompressed(body: bytes, content_encoding: str | None, *, limit: int = MAX_BODY_BYTES) -> bytes:
    """Return the decompressed body, at most `limit` bytes.

    Raises:
        InvalidInput: the encoding is unknown, or the body is not encoded so.
        TooLarge: the body is larger than the limit; decompression stopped there.
    """
    coding = (content_encoding or "identity").strip().lower()
    if coding in ("gzip", "deflate", "x-gzip"):
        body = _unpacked(body, limit)
    elif coding != "identity":
        raise InvalidInput(
            _WHAT,
            expected="Content-Encoding gzip, deflate or none",
            found=coding[:100],
            next_step="Set the exporter's compression to gzip or none.",
        )
    if len(body) > limit:
        raise TooLarge(
            _WHAT,
            expected=f"at most {limit} bytes",
            found="more",
            next_step="Make the exporter's batches smaller: OTEL_BSP_MAX_EXPORT_BATCH_SIZE.",
        )
    return body


def _unpacked(body: bytes, limit: int) -> bytes:
    """Return the first `limit + 1` bytes of one or more compressed members."""
    parts: list[bytes] = []
    room = limit + 1
    while body and room > 0:
        unpacker = zlib.decompressobj(_ANY_WINDOW)
        try:
            part = unpacker.decompress(body, room)
        except zlib.error as error:
            raise _not_packed(len(body), str(error)) from None
        if not unpacker.eof and len(part) < room:
            raise _not_packed(len(body), "its end is missing")
        parts.append(part)
        room -= len(part)
        body = unpacker.unused_data
    return b"".join(parts)


def _not_packed(size: int, problem: str) -> InvalidInput:
    return InvalidInput(_WHAT, expected="a body in gzip or zlib", found=f"{size} bytes: {problem}")


# --- protobuf messages as plain values ---


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """Return attributes by key; the last of equal keys."""
    # Most values are strings, so string_value is read before the type is asked for.
    return {pair.key: (value := pair.value).string_value or _value(value) for pair in pairs}


def _span(span: trace_pb2.Span, origin: Origin, id_of: _IdReader) -> Span:
    status = span.status
    return Span(
        origin=origin,
        trace_id=id_of(span.trace_id),
        id=id_of(span.span_id),
        parent_id=id_of(span.parent_span_id),
        name=span.name,
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        has_failed=_FAILED.get(status.code),
        status_message=status.message,
        attributes=attributes_of(span.attributes),
        events=[SpanEvent(event.name, event.time_unix_nano, attributes_of(event.attributes)) for event in span.events],
        links=[
            SpanLink(id_of(link.trace_id), id_of(link.span_id), attributes_of(link.attributes)) for link in span.links
        ],
    )


def _record(record: logs_pb2.LogRecord, origin: Origin, id_of: _IdReader) -> LogRecord:
    attributes = attributes_of(record.attributes)
    return LogRecord(
        origin=origin,
        trace_id=id_of(record.trace_id),
        span_id=id_of(record.span_id),
        at_ns=record.time_unix_nano or record.observed_time_unix_nano,
        name=record.event_name or str(attributes.get("event.name") or ""),
        body=_value(record.body),
        attributes=attributes,
    )


def _value(value: AnyValue) -> Value:
    match value.WhichOneof("value"):
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return attributes_of(value.kvlist_value.values)
        case None:
            return None
        case simple:
            found: Value = getattr(value, simple)
            return found


# --- the two encodings ---


def _request(body: bytes, content_type: str | None, kind: type[_Request]) -> tuple[_Request, _IdReader, list[Unread]]:
    """Return a request, the function that reads ids in it, and the parts of it that cannot be read."""
    if is_json(content_type):
        value = _decoded_json(body)
        unread: list[Unread] = []
        problem = _parse(value, request := kind())
        if problem is not None and kind in _PARTS:
            unread = list(_removed(value, *_PARTS[kind]))
            problem = _parse(value, request := kind())
        if problem is not None:
            raise InvalidInput(_WHAT, expected="JSON of an OTLP request", found=problem, next_step=_NEXT_STEP)
        return request, _id_in_json, unread
    unread = []
    try:
        try:
            return _parsed(body, kind), bytes.hex, []
        except DecodeError:
            if kind not in _PARTS:
                raise
            body = _without_unreadable(body, kind, unread)
            return _parsed(body, kind), bytes.hex, unread
    except DecodeError as error:
        raise InvalidInput(
            _WHAT,
            expected=f"protobuf of {kind.DESCRIPTOR.name}",
            found=f"{len(body)} bytes that are none ({error})",
            next_step=_NEXT_STEP,
        ) from None


#: Where a JSON request lists its spans or log records, in camelCase or snake_case, and what each of them is.
_PARTS: Final[dict[type[Message], tuple[tuple[tuple[str, str], ...], type[Message]]]] = {
    ExportTraceServiceRequest: (
        (("resourceSpans", "resource_spans"), ("scopeSpans", "scope_spans"), ("spans", "spans")),
        trace_pb2.Span,
    ),
    ExportLogsServiceRequest: (
        (("resourceLogs", "resource_logs"), ("scopeLogs", "scope_logs"), ("logRecords", "log_records")),
        logs_pb2.LogRecord,
    ),
}


def _parsed(body: bytes, kind: type[_Request]) -> _Request:
    request = kind()
    try:
        request.ParseFromString(body)
    except DecodeError:
        request.ParseFromString(_with_utf8(body, kind.DESCRIPTOR.full_name))
    return request


def _without_unreadable(body: bytes, kind: type[Message], unread: list[Unread]) -> bytes:
    """Return a request without the parts that protobuf refuses, as it does at 100 levels; add their problems."""
    (_, resources), (_, scopes), (_, parts) = _PARTS[kind][0]
    outer = _lenient_class(kind.DESCRIPTOR.full_name, parts)
    request: Any = outer()
    request.ParseFromString(body)
    for of_resource in getattr(request, resources):
        for of_scope in getattr(of_resource, scopes):
            listed = getattr(of_scope, parts)
            for number, part in enumerate(list(listed)):
                alone: Any = outer()
                getattr(getattr(getattr(alone, resources).add(), scopes).add(), parts).append(part)
                try:
                    _parsed(alone.SerializeToString(), kind)
                except DecodeError as error:
                    unread.append(Unread(f"{parts}[{number}]: {error}"[:300]))
                    listed.remove(part)
    return bytes(request.SerializeToString())


def _parse(value: Any, message: Message, levels: int = MOST_LEVELS) -> str | None:
    """Parse JSON into `message`; return the problem, None without one."""
    try:
        if not isinstance(value, dict):
            raise ParseError(f"a {type(value).__name__}")
        ParseDict(value, message, ignore_unknown_fields=True, max_recursion_depth=levels)
    except (ParseError, RecursionError) as error:
        return str(error)[:300]
    return None


def _removed(value: Any, names: Sequence[tuple[str, str]], kind: type[Message]) -> Iterator[Unread]:
    """Remove the parts that cannot be parsed from the lists `names` of a JSON request, and yield their problems."""
    camel, snake = names[0]
    listed = value.get(camel, value.get(snake)) if isinstance(value, dict) else None
    if not isinstance(listed, list):
        return
    if len(names) > 1:
        for inner in listed:
            yield from _removed(inner, names[1:], kind)
        return
    problems = [_parse(part, kind(), MOST_LEVELS - 3) for part in listed]  # the three lists it is in
    for part, problem in zip(listed, problems, strict=True):
        if problem is not None:
            named = part.get("spanId") or part.get("span_id") or part.get("name") if isinstance(part, dict) else None
            yield Unread(f"{str(named or '(no id)')[:100]}: {problem}")
    listed[:] = [part for part, problem in zip(listed, problems, strict=True) if problem is None]


def _decoded_json(body: bytes) -> Any:
    value = read_json(body.decode("utf-8", "replace").encode(), what=_WHAT, levels=3 * MOST_LEVELS)  # refused below
    if b"\\ud" in body.lower():  # half a surrogate pair, left by exporters that cut texts: protobuf refuses it
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def _id_in_json(decoded: bytes) -> str:
    """Return an id. OTLP/JSON writes ids in hexadecimal, and protobuf has read them as base64; "?" for invalid ones.

    https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
    """
    text = b64encode(decoded).decode().lower()
    return text if not text or _HEX.fullmatch(text) else "?"


def _with_utf8(body: bytes, name: str) -> bytes:
    r"""Return a request in which bytes that are not UTF-8 are written as `\xe9`.

    protobuf refuses a whole request for one such text. Exporters in JavaScript send some when they cut texts.
    """
    request = _lenient_class(name)()
    request.ParseFromString(body)
    _escape(request)
    return request.SerializeToString()


def _escape(message: Message) -> None:
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                _escape(inner)
        elif descriptor_pool.Default().FindFieldByName(field.full_name).type != FieldDescriptor.TYPE_STRING:
            continue
        elif field.is_repeated:
            value[:] = map(_utf8, value)
        else:
            setattr(message, field.name, _utf8(value))


def _utf8(text: bytes) -> bytes:
    return text.decode("utf-8", "backslashreplace").encode()


@cache
def _lenient_class(name: str, parts: str = "") -> type[Message]:
    """Return the class of a message whose strings are bytes, so that it can hold any, and the list `parts` too."""
    pool = descriptor_pool.DescriptorPool()

    def add(file: Any) -> None:
        for needed in file.dependencies:
            add(needed)
        as_bytes = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(as_bytes)
        messages = list(as_bytes.message_type)
        for message in messages:
            messages += message.nested_type
            for field in message.field:
                if field.type == FieldDescriptor.TYPE_STRING or field.name == parts:
                    field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
                    field.ClearField("type_name")
        pool.Add(as_bytes)

    add(descriptor_pool.Default().FindMessageTypeByName(name).file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
