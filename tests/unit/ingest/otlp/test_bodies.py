"""A request is read in each encoding that the protocol has; what is none is refused, and says why."""

import gzip
import json
import re
import zlib
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics

from tests.support.telemetry import PARENT_ID, SPAN_ID, STARTED_NS, TRACE_ID, a_request, a_span
from titan.ingest.otlp import read_logs, read_metrics, read_traces
from titan.ingest.otlp.requests import decompressed
from titan.ingest.values import time_of
from titan.model.actions import ActionEntry, Outcome
from titan.model.errors import InvalidInput, TooLarge

PROTOBUF, JSON = "application/x-protobuf", "application/json"
SPAN = a_span(
    {"gen_ai.operation.name": "chat", "n": 7, "big": 2**53, "f": 0.5, "t": True, "l": [1, "a"], "o": {"k": b"\x00"}},
    parent_id=PARENT_ID,
    error="ValueError: nope",
    events=[("exception", {"exception.type": "ValueError", "exception.message": "nope"}), ("note", {"n": 1})],
)
BODY = a_request(SPAN, resource={"service.name": "s"}, scope="tracer").SerializeToString()


def as_json() -> dict[str, Any]:
    """Return the same request as an exporter for OTLP/JSON writes it."""
    request: dict[str, Any] = MessageToDict(a_request(SPAN, resource={"service.name": "s"}, scope="tracer"))
    span = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    span |= {"traceId": TRACE_ID, "spanId": SPAN_ID, "parentSpanId": PARENT_ID}
    return request


def within(field: int, content: bytes) -> bytes:
    """Return content as a field of a message: its tag, its length, itself."""
    size, length = len(content), b""
    while size >= 128:
        size, length = size >> 7, length + bytes([size & 127 | 128])
    return bytes([field << 3 | 2]) + length + bytes([size]) + content


def deep_request(levels: int) -> bytes:
    """Return a request with an attribute of lists within each other: deeper than protobuf itself would build it."""
    value = b"\x18\x01"
    for _ in range(levels):
        value = within(5, within(1, value))
    span = a_span().SerializeToString() + within(9, within(1, b"deep") + within(2, value))
    return within(1, within(2, within(2, span)))


def test_json_says_the_same_as_protobuf() -> None:
    of_protobuf = read_traces(BODY, content_type=PROTOBUF, content_encoding=None)

    of_json = read_traces(json.dumps(as_json()).encode(), content_type=f"{JSON}; charset=utf-8", content_encoding=None)

    assert of_json == of_protobuf


@pytest.mark.parametrize("code", [2, "2", "STATUS_CODE_ERROR"])
def test_json_may_say_enums_by_number_or_name_and_times_as_numbers(code: object) -> None:
    request = as_json()
    span = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    span["status"]["code"] = code
    span["startTimeUnixNano"] = int(span["startTimeUnixNano"])
    span["unknownField"] = {"later": "version"}

    batch = read_traces(json.dumps(request).encode(), content_type=JSON, content_encoding=None)

    assert batch == read_traces(BODY, content_type=PROTOBUF, content_encoding=None)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": {"code": 2.0, "message": "ValueError: nope"}},
        {"startTimeUnixNano": float(STARTED_NS), "endTimeUnixNano": STARTED_NS},
        {"kind": "SPAN_KIND_CLIENT", "droppedEventsCount": "7"},
        {"kind": "SPAN_KIND_OF_A_LATER_VERSION", "links": None},
    ],
)
def test_json_may_say_a_number_in_any_way(changes: dict[str, object]) -> None:
    request = as_json()
    request["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= changes

    batch = read_traces(json.dumps(request).encode(), content_type=JSON, content_encoding=None)

    [action] = [entry for entry in batch.entries if isinstance(entry, ActionEntry)]
    assert (batch.accepted, batch.rejected) == (1, 0)
    assert (action.started_at, action.outcome) == (time_of(STARTED_NS), Outcome.ERROR)


@pytest.mark.parametrize("name", ["resourceSpans", "resourceLogs", "resourceMetrics"])
def test_json_may_say_null_for_nothing(name: str) -> None:
    for inner in (None, [], [{"resource": None, "scopeSpans": None, "scopeLogs": None, "scopeMetrics": None}]):
        for read in (read_traces, read_logs, read_metrics):
            batch = read(json.dumps({name: inner}).encode(), content_type=JSON, content_encoding=None)

            assert (batch.accepted, batch.rejected, batch.entries) in ((0, 0, []), (0, 0, ()))


def snake(value: Any) -> Any:
    """Return JSON with its field names in snake_case."""
    if isinstance(value, list):
        return [snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", key): snake(item) for key, item in value.items()}


def test_json_may_name_its_fields_in_snake_case() -> None:
    request = snake(as_json())

    batch = read_traces(json.dumps(request).encode(), content_type=JSON, content_encoding=None)

    assert "start_time_unix_nano" in request["resource_spans"][0]["scope_spans"][0]["spans"][0]
    assert batch == read_traces(BODY, content_type=PROTOBUF, content_encoding=None)


@pytest.mark.parametrize(("resources", "scopes"), [("resourceSpans", "scopeSpans"), ("resource_spans", "scope_spans")])
def test_a_span_in_json_that_cannot_be_read_costs_no_other(resources: str, scopes: str) -> None:
    bad = {"attributes": [{"key": "k", "value": {"intValue": "seven"}}]}
    spans = [{**bad, "spanId": "b" * 16}, 5, {"traceId": "a" * 32, "spanId": "c" * 16, "startTimeUnixNano": "1"}]
    body = json.dumps({resources: [{scopes: [{"spans": spans}]}]}).encode()

    batch = read_traces(body, content_type=JSON, content_encoding=None)

    assert (batch.accepted, batch.rejected) == (1, 2)
    assert "bbbbbbbbbbbbbbbb" in batch.problem
    assert "seven" in batch.problem


def test_a_log_record_in_json_that_cannot_be_read_is_rejected() -> None:
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": 5}]}]}]}).encode()

    batch = read_logs(body, content_type=JSON, content_encoding=None)

    assert (batch.accepted, batch.rejected) == (0, 1)
    assert batch.problem.startswith("log record")


@pytest.mark.parametrize(
    ("of_resource", "problem"),
    [
        (5, "resourceSpans"),
        ({"scopeSpans": "none"}, "scopeSpans"),
        ({"resource": {"attributes": [5]}}, "attributes"),
        ({"scopeSpans": [{"scope": {"name": 5}}]}, "name"),
    ],
)
def test_json_of_another_form_is_refused_with_the_reason(of_resource: object, problem: str) -> None:
    body = json.dumps({"resourceSpans": [of_resource]}).encode()

    with pytest.raises(InvalidInput, match=problem):
        read_traces(body, content_type=JSON, content_encoding=None)


@pytest.mark.parametrize("levels", [100, 440, 800, 5000])
def test_json_nested_deeply_crashes_no_reader(levels: int) -> None:
    nested = '{"arrayValue":{"values":[' * levels + "]}}" * levels
    body = json.dumps({"resourceSpans": [{"resource": {"attributes": [{"key": "a", "value": "DEEP"}]}}]})

    read_anything(body.replace('"DEEP"', nested).encode(), JSON)


def test_a_log_record_after_the_year_2262_is_rejected_and_the_others_are_taken() -> None:
    good = {"traceId": TRACE_ID, "spanId": SPAN_ID, "timeUnixNano": str(STARTED_NS), "eventName": "note"}
    records = [good, {**good, "timeUnixNano": str(2**64 - 1)}]

    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
    batch = read_logs(body, content_type=JSON, content_encoding=None)

    assert (len(batch.entries), batch.accepted, batch.rejected) == (1, 1, 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"doubleValue": "NaN"}, {"$float": "nan"}),
        ({"intValue": "7"}, 7),
        ({"bytesValue": "aGk="}, {"$bytes": "aGk="}),
        ({"arrayValue": {"values": [{"intValue": "1"}, {}]}}, [1, None]),
        ({"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}, {"k": "v"}),
        ({}, None),
    ],
)
def test_every_kind_of_value_in_json_keeps_its_type(value: object, expected: object) -> None:
    request = as_json()
    request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = [{"key": "x", "value": value}]

    entries = read_traces(json.dumps(request).encode(), content_type=JSON, content_encoding=None).entries

    [action] = [entry for entry in entries if isinstance(entry, ActionEntry)]
    assert json.loads(action.details or "")["attributes"] == {"x": expected}


def test_json_with_halves_of_characters_is_read_without_them() -> None:
    body = json.dumps(as_json()).replace('"tracer"', '"tra\\ud800cer"').encode()

    batch = read_traces(body, content_type=JSON, content_encoding=None)

    assert batch.accepted == 1


def test_a_text_that_is_not_utf8_costs_no_telemetry() -> None:
    body = BODY.replace(b"tracer", b"tr\xe9cer").replace(b"nope", b"n\xffpe")

    [_, action] = read_traces(body, content_type=PROTOBUF, content_encoding=None).entries

    assert isinstance(action, ActionEntry)
    assert action.failure is not None
    assert action.failure.message == "n\\xffpe"
    assert json.loads(action.details or "")["scope"] == "tr\\xe9cer"


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "deflate"])
def test_a_packed_body_is_the_same_body(coding: str) -> None:
    packed = zlib.compress(BODY) if coding == "deflate" else gzip.compress(BODY[:40]) + gzip.compress(BODY[40:])

    assert decompressed(packed, coding) == BODY


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(10_000_000))

    with pytest.raises(TooLarge, match="at most 1000 bytes"):
        decompressed(bomb, "gzip", limit=1000)


def test_a_body_over_the_limit_is_refused_unpacked_too() -> None:
    with pytest.raises(TooLarge):
        decompressed(bytes(1001), None, limit=1000)


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "problem"),
    [
        (b"\xff\xff", PROTOBUF, None, "protobuf of ExportTraceServiceRequest"),
        (BODY[:-3], PROTOBUF, None, "protobuf of ExportTraceServiceRequest"),
        (b"{", JSON, None, "JSON in UTF-8"),
        (b"[]", JSON, None, "JSON of an OTLP request"),
        (b'{"resourceSpans": 1}', JSON, None, "JSON of an OTLP request"),
        (b"[" * 100_000, JSON, None, "OTLP request"),
        (BODY, "text/html", None, "text/html"),
        (BODY, PROTOBUF, "br", "found br"),
        (BODY, PROTOBUF, "gzip", "incorrect header check"),
        (gzip.compress(BODY)[:-9], PROTOBUF, "gzip", "its end is missing"),
    ],
)
def test_an_invalid_otlp_request_is_refused_with_the_reason(
    body: bytes, content_type: str, encoding: str | None, problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        read_traces(body, content_type=content_type, content_encoding=encoding)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"trace_id": b""}, "trace id"),
        ({"trace_id": bytes(16)}, "trace id"),
        ({"span_id": b"abc"}, "span id"),
        ({"span_id": bytes(8)}, "span id"),
        ({"parent_span_id": b"abc"}, "parent"),
        ({"start_time_unix_nano": 0}, "it has no start time, or 0"),
        ({"start_time_unix_nano": 2**63}, "times are not between 1970 and 2262"),
        ({"end_time_unix_nano": 2**64 - 1}, "times"),
    ],
)
def test_a_span_that_cannot_be_placed_is_rejected_and_the_others_are_taken(
    changes: dict[str, object], problem: str
) -> None:
    bad = a_span(name="bad")
    for field, value in changes.items():
        setattr(bad, field, value)

    batch = read_traces(a_request(SPAN, bad).SerializeToString(), content_type=None, content_encoding=None)

    assert (batch.accepted, batch.rejected) == (1, 1)
    assert problem in batch.problem
    assert "'bad'" in batch.problem


def test_an_id_in_json_that_is_not_hexadecimal_is_rejected() -> None:
    request = as_json()
    request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] = "CvdlGRbNQ92ESOshHIAxnA=="

    batch = read_traces(json.dumps(request).encode(), content_type=JSON, content_encoding=None)

    assert (batch.accepted, batch.rejected) == (0, 1)


def test_lists_within_lists_are_read_as_deep_as_protobuf_goes() -> None:
    batch = read_traces(deep_request(40), content_type=PROTOBUF, content_encoding=None)

    assert batch.accepted == 1


def test_metrics_are_counted_and_dropped() -> None:
    scope = ScopeMetrics(metrics=[Metric(name="a"), Metric(name="b")])
    request = ExportMetricsServiceRequest(resource_metrics=[ResourceMetrics(scope_metrics=[scope])])

    of_protobuf = read_metrics(request.SerializeToString(), content_type=PROTOBUF, content_encoding=None)
    text = json.dumps(MessageToDict(request)).encode()
    of_json = read_metrics(text, content_type=JSON, content_encoding=None)

    assert (of_protobuf.accepted, list(of_protobuf.entries)) == (2, [])
    assert of_json == of_protobuf


def read_anything(body: bytes, content_type: str) -> None:
    for read in (read_traces, read_logs, read_metrics):
        try:
            read(body, content_type=content_type, content_encoding=None)
        except InvalidInput:
            continue


@given(st.binary(max_size=200), st.sampled_from([PROTOBUF, JSON]))
@settings(max_examples=60)
def test_no_bytes_crash_a_reader(body: bytes, content_type: str) -> None:
    read_anything(body, content_type)


@given(st.integers(0, len(BODY) - 1), st.integers(0, 255), st.booleans())
@settings(max_examples=60)
def test_no_changed_byte_crashes_a_reader(at: int, byte: int, cut: bool) -> None:
    read_anything(BODY[:at] + bytes([byte]) + (b"" if cut else BODY[at + 1 :]), PROTOBUF)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["resourceSpans", "scopeSpans", "spans", "attributes", "key", "value", "stringValue", "traceId"]
                ),
                inner,
            )
        ),
        max_leaves=20,
    )
)
@settings(max_examples=60)
def test_no_json_crashes_a_reader(value: object) -> None:
    read_anything(json.dumps(value).encode(), JSON)
