"""OTLP in JSON, by protobuf's own reader: field names in camelCase or snake_case, unknown ones ignored.

Each span, log record or metric is read by itself, so that one that cannot be read costs no other. Unlike in protobuf's
JSON, ids are hexadecimal: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as LogRecordMessage
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from titan.ingest.otlp.protobuf import attributes_of, record_of, span_of
from titan.ingest.otlp.telemetry import LogRecord, Origin, Span, Unread
from titan.ingest.values import read_json
from titan.model.errors import InvalidInput

M = TypeVar("M", bound=Message)

_WHAT: Final = "OTLP request"
_MAX_REASON: Final = 300  # characters: a reason may name a place a hundred levels deep


def read_spans(body: bytes) -> Iterator[Span | Unread]:
    """Yield the spans of an ExportTraceServiceRequest, and for those that cannot be read why.

    Raises:
        InvalidInput: it is none.
    """
    for origin, part in _parts(body, "resource_spans", "scope_spans", "spans"):
        span = _read(part, SpanMessage())
        if isinstance(span, SpanMessage):
            span.parent_span_id = _from_hex(span.parent_span_id)
            span.trace_id, span.span_id = _from_hex(span.trace_id), _from_hex(span.span_id)
            for link in span.links:
                link.trace_id, link.span_id = _from_hex(link.trace_id), _from_hex(link.span_id)
        yield span if isinstance(span, Unread) else span_of(span, origin)


def read_records(body: bytes) -> Iterator[LogRecord | Unread]:
    """Yield the log records of an ExportLogsServiceRequest, and for those that cannot be read why.

    Raises:
        InvalidInput: it is none.
    """
    for origin, part in _parts(body, "resource_logs", "scope_logs", "log_records"):
        record = _read(part, LogRecordMessage())
        if isinstance(record, LogRecordMessage):
            record.trace_id, record.span_id = _from_hex(record.trace_id), _from_hex(record.span_id)
        yield record if isinstance(record, Unread) else record_of(record, origin)


def count_metrics(body: bytes) -> int:
    """Return how many metrics an ExportMetricsServiceRequest holds.

    Raises:
        InvalidInput: it is none.
    """
    return sum(1 for _ in _parts(body, "resource_metrics", "scope_metrics", "metrics"))


def _parts(body: bytes, resources: str, scopes: str, parts: str) -> Iterator[tuple[Origin, object]]:
    """Yield what a request lists in the end, with what sent it."""
    for of_resource in _listed(_decoded(body), resources):
        resource = attributes_of(_head(of_resource, "resource", Resource()).attributes)
        for of_scope in _listed(of_resource, scopes):
            origin = Origin(resource, _head(of_scope, "scope", InstrumentationScope()).name)
            for part in _listed(of_scope, parts):
                yield origin, part


def _decoded(body: bytes) -> Any:
    value = read_json(body.decode("utf-8", "replace").encode(), what=_WHAT)
    if b"\\ud" in body.lower():  # half a surrogate pair, as an exporter leaves that cuts a text: protobuf refuses it
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def _listed(value: object, name: str) -> list[Any]:
    """Return what an object lists under a name; nothing without that name."""
    listed = _member(value, name)
    if isinstance(value, dict) and isinstance(listed, list | None):
        return listed or []
    raise _none_of_otlp(f"no object with a list of {name}")


def _member(value: object, name: str) -> Any:
    return value.get(_camel(name), value.get(name)) if isinstance(value, dict) else None


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _head(value: object, name: str, message: M) -> M:
    """Return the resource or scope that an object names."""
    found = _read(_member(value, name) or {}, message)
    if isinstance(found, Unread):
        raise _none_of_otlp(f"{name} {found.problem}")
    return found


def _read(part: Any, message: M) -> M | Unread:
    try:
        if not isinstance(part, dict):
            raise ParseError(f"expected an object, found {part!r}")
        texts, others = _plain_texts(part)
        read = ParseDict(others, message, ignore_unknown_fields=True)
        for key, text in texts.items():
            read.attributes.add(key=key).value.string_value = text  # type: ignore[attr-defined]  # all that is read has them
        return read
    except (ParseError, RecursionError) as error:
        named = _member(part, "span_id") or _member(part, "name") or "one without a name"
        return Unread(f"{str(named)[:100]}: {error}"[:_MAX_REASON])


def _plain_texts(part: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the attributes that are plain texts, and a part without them: protobuf's reader takes 20 µs for each."""
    attributes = part.get("attributes")
    if not isinstance(attributes, list):
        return {}, part
    texts, others = dict[str, str](), []
    for one in attributes:
        match one:
            case {"key": str(key), "value": {"stringValue": str(text)} as value} if len(one) == 2 and len(value) == 1:
                texts[key] = text
            case _:
                others.append(one)
    return texts, part | {"attributes": others}


def _from_hex(decoded: bytes) -> bytes:
    """Return an id, which protobuf read as base64; of what is not hexadecimal one that is too short."""
    try:
        return bytes.fromhex(b64encode(decoded).decode())
    except ValueError:
        return b"?"


def _none_of_otlp(found: str) -> InvalidInput:
    return InvalidInput(
        _WHAT,
        expected="JSON of an OTLP request",
        found=found,
        next_step="Send what an OTLP exporter over HTTP writes; its Content-Type says which encoding it is.",
    )
