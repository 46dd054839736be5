"""Shapes of a foreign client's requests: the parts that are the same in every run of one version of the client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.captured import CapturedRequest, Exchange, content_of

#: What the last part of a path says of a body in protobuf.
MESSAGES: Final[dict[str, type[Message]]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


def shape(exchanges: Iterable[Exchange]) -> dict[str, set[str]]:
    """Return which words a client says, by what it says them to and how; a hash in a path is `*`.

    The words are its headers, and the names of fields and attributes. Order and number of requests are a matter of
    time: threads report beside each other, and spans wait for company.
    """
    found: dict[str, set[str]] = {}
    for one in exchanges:
        asked = one.request
        said = found.setdefault(f"{asked.method} {re.sub(r'[0-9a-f]{32}', '*', asked.path)} → {one.status}", set())
        said.update(f"{name}: {value}" for name, value in asked.headers.items())
        said.update(_names(_value(asked)))
    return found


def _value(request: CapturedRequest) -> object:
    content = content_of(request)
    if request.headers.get("content-type") != "application/x-protobuf":
        return json.loads(content or b"null")
    message = MESSAGES[request.path.rpartition("/")[2]].FromString(content)
    return MessageToDict(message, always_print_fields_with_no_presence=True)


def _names(value: object) -> Iterator[str]:
    """Yield the names of fields in a value, and of attributes, which OTLP lists as pairs of key and value."""
    match value:
        case dict():
            yield from value
            if "key" in value:
                yield str(value["key"])
            for part in value.values():
                yield from _names(part)
        case list():
            for part in value:
                yield from _names(part)
