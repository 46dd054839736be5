"""A span or log record nested deeper than protobuf reads costs itself, and no other of its batch."""

import json
import sys
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from titan.ingest.otlp.requests import LogRecord, Span, Unread, read_records, read_spans


def as_json(levels: int) -> bytes:
    value: dict[str, Any] = {"stringValue": "x"}
    for _ in range(levels):
        value = {"kvlistValue": {"values": [{"key": "a", "value": value}]}}
    attributes = [[{"key": "q", "value": one}] for one in ({"stringValue": "x"}, value, {"stringValue": "x"})]
    spans = [{"name": f"s{at}", "spanId": f"b7ad6b716920333{at}", "attributes": attributes[at]} for at in range(3)]
    deeper, limit = 10_000, sys.getrecursionlimit()
    sys.setrecursionlimit(deeper)
    try:
        return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    finally:
        sys.setrecursionlimit(limit)


def as_protobuf(kind: Any, levels: int) -> bytes:
    request = kind()
    if kind is ExportTraceServiceRequest:
        add = request.resource_spans.add().scope_spans.add().spans.add
    else:
        add = request.resource_logs.add().scope_logs.add().log_records.add
    for at in range(3):
        part = add()
        setattr(part, "name" if kind is ExportTraceServiceRequest else "event_name", f"s{at}")
        value = part.attributes.add(key="q").value
        for _ in range(levels if at == 1 else 1):
            value = value.kvlist_value.values.add(key="a").value
        value.string_value = "x"
    return bytes(request.SerializeToString())


@pytest.mark.parametrize("levels", [32, 33, 90, 300, 1000])
@pytest.mark.parametrize("encoding", ["json", "protobuf", "logs"])
def test_one_deep_span_is_rejected_and_the_others_are_read(encoding: str, levels: int) -> None:
    found: list[Span | LogRecord | Unread]
    if encoding == "json":
        found = [*read_spans(as_json(levels), "application/json")]
    elif encoding == "protobuf":
        found = [*read_spans(as_protobuf(ExportTraceServiceRequest, levels))]
    else:
        found = [*read_records(as_protobuf(ExportLogsServiceRequest, levels))]

    assert [one.name for one in found if not isinstance(one, Unread)] == ["s0", "s2"]
    assert len([one.problem for one in found if isinstance(one, Unread)]) == 1
