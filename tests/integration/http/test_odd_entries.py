"""One odd entry harms nothing but itself: it is refused in words, or kept, and what is kept can be exported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.raw_http import Answer, ask, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.submissions import a_name

AT_NS = 1_772_366_400_000_000_000


def an_action(id: str, **fields: object) -> dict[str, object]:
    return {"type": "action", "id": id, "name": "n", "started_at_ns": AT_NS, "ended_at_ns": AT_NS + 1, **fields}


def record(port: int, run: str, *actions: dict[str, object], agent: str | None = None) -> Answer:
    return ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "agent_id": agent, "entries": actions})


def exported(port: int, run: str) -> list[dict[str, Any]]:
    answer = ask(port, "GET", f"/api/v1/runs/export?run_id={run}")
    assert answer.status == 200
    return [json.loads(line) for line in answer.body.splitlines()]


@pytest.mark.parametrize("details", ["str", [1], 5])
def test_details_that_are_no_object_are_refused_by_name(port: int, details: object) -> None:
    answer = record(port, a_name("run"), an_action("a", details=details))

    assert answer.refusal == (400, "InvalidInput")
    assert "entries[0].details" in answer.message


def test_details_are_an_object_or_nothing(port: int) -> None:
    run = a_name("run")

    record(port, run, an_action("a", details={"a": 1}, ended_at_ns=None), an_action("b", details=None))
    record(port, run, an_action("a", details={"b": {"$tuple": [1]}}))

    _, first, second, _ = exported(port, run)
    assert first["details"] == {"a": 1, "b": {"$tuple": [1]}}
    assert "details" not in second


def test_an_end_before_its_beginning_is_refused_by_name(port: int) -> None:
    answer = record(port, a_name("run"), an_action("a"), an_action("b", ended_at_ns=AT_NS - 10**9))

    assert answer.refusal == (400, "InvalidInput")
    assert "$.entries[1].ended_at_ns: expected a time not before started_at_ns, 2026-03-01T12:00:00" in answer.message
    assert "found 2026-03-01T11:59:59" in answer.message


@pytest.mark.parametrize("unit", [1, 10**3, 10**6])
def test_a_time_that_is_no_nanoseconds_is_refused_by_name(port: int, unit: int) -> None:
    wrong = AT_NS // 10**9 * unit

    started = record(port, a_name("run"), an_action("a", started_at_ns=wrong))
    told = record(port, a_name("run"), {"type": "run", "at_ns": wrong, "end": "completed"})

    assert (started.refusal, told.refusal) == ((400, "InvalidInput"), (400, "InvalidInput"))
    assert "$.entries[0].started_at_ns: expected nanoseconds since 1970" in started.message
    assert "$.entries[0].at_ns: expected nanoseconds since 1970" in told.message
    assert f"found {wrong}, which is 1970-01-" in told.message
    assert "time.time_ns()" in told.message


@pytest.mark.parametrize("tokens", [10**9 + 1, 2**53 - 1, 2**70])
def test_tokens_that_no_call_takes_are_refused_by_name(port: int, tokens: int) -> None:
    answer = record(port, a_name("run"), an_action("a", kind="model", use={"output_tokens": tokens}))

    assert answer.refusal == (400, "InvalidInput")
    assert "entries[0].use.output_tokens" in answer.message


def test_tokens_that_a_foreign_client_claims_spoil_no_sum(port: int) -> None:
    run, agent = a_name("run"), a_name("agent")
    use = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 2**53 - 1, "gen_ai.usage.output_tokens": 7}
    spans = [a_span(f"{number:016x}", use) for number in range(1, 1101)]

    assert send_spans(port, run, *spans, agent=agent).status == 200

    sums = ask(port, "GET", f"/api/v1/ledger/stats?run_id={run}")
    assert (sums.status, sums.value["input_tokens"], sums.value["output_tokens"]) == (200, None, 7 * 1100)


def test_names_and_ids_that_no_database_holds_are_kept_changed(port: int) -> None:
    run, good = a_name("run"), an_action("good")
    odd = an_action("o\0dd", name="\0", actor="a\0", failure={"type": "E\0", "message": "m\0"}, tags=["t\0"])

    told = record(port, run + "\0", odd, good)

    kept, action = quote(run + "\ufffd"), quote("o\ufffddd")
    shown = ask(port, "GET", f"/api/v1/runs/{kept}/actions/{action}")
    assert (told.status, shown.value["action"]["name"], shown.value["action"]["tags"]) == (200, "\ufffd", ["t\ufffd"])
    assert ask(port, "GET", f"/api/v1/runs/{kept}/actions/good").status == 200


def test_an_unreadable_request_of_openai_agents_is_refused_with_one_message(port: int) -> None:
    answer = ask_json(port, "POST", "/v1/traces/ingest", {"data": [1]})

    assert answer.status == 400
    assert answer.message == (
        "trace of openai-agents: $.data[0]: expected a trace or a span; found other JSON"
        " (Expected `object`, got `int`). Correct it and send it again; it was not stored."
    )


def test_readable_parts_of_an_openai_agents_request_are_stored(port: int) -> None:
    trace = a_name("trace")
    times = {"started_at": "2026-03-01T12:00:00", "ended_at": "2026-03-01T12:00:01"}
    data = {"type": "function", "name": "look up"}
    good = {"object": "trace.span", "id": "s\ud800", "trace_id": trace, "span_data": data, **times}

    answer = ask_json(port, "POST", "/v1/traces/ingest", {"data": [good, {**good, "started_at": "junk"}, 5]})
    whole = ask_json(port, "POST", "/v1/traces/ingest", {"data": [good]})

    assert (answer.status, answer.value["partialSuccess"]["rejectedSpans"]) == (200, 2)
    assert "$.data[1]" in answer.value["partialSuccess"]["errorMessage"]
    assert (whole.status, whole.value) == (200, {})
    action = quote("s\ufffd")
    assert ask(port, "GET", f"/api/v1/runs/{trace}/actions/{action}").value["action"]["name"] == "look up"


@pytest.mark.parametrize("levels", [900, 970])
def test_a_deeply_nested_value_is_bundled_and_exported(port: int, levels: int) -> None:
    run, deep = a_name("run"), "[" * levels + "]" * levels
    told = json.dumps({"run_id": run, "entries": [an_action("a", inputs=5)]}).replace(": 5", f": \n{deep}")
    assert ask(port, "POST", "/api/v1/actions", told.encode()).status == 200

    bundle = ask(port, "GET", f"/api/v1/replay/{run}/bundle")
    whole = ask(port, "GET", f"/api/v1/runs/export?run_id={run}")

    assert (bundle.status, bundle.body.count(b"[") >= levels) == (200, True)
    assert f'"inputs":{deep}'.encode() in whole.body


@pytest.mark.parametrize("after", [2**63, 10**20, -1])
def test_a_version_that_no_change_has_is_refused(port: int, after: int) -> None:
    run = a_name("run")
    record(port, run, an_action("a"))

    assert ask(port, "GET", f"/api/v1/runs/{run}/skeleton?after={after}").refusal == (400, "InvalidInput")
    assert ask(port, "GET", f"/api/v1/runs/{run}/skeleton?after={2**63 - 1}").value["id"] == []


def test_who_sends_protobuf_is_refused_in_protobuf(port: int) -> None:
    protobuf = {"Content-Type": "application/x-protobuf"}

    answers = [
        ask(port, "POST", "/v1/traces", b"\xff\xff", protobuf),
        ask(port, "POST", "/v1/logs", b"", {**protobuf, "Content-Encoding": "br"}),
        ask(port, "POST", "/v1/metrics", b"", {**protobuf, "Content-Length": str(2**40)}),
        ask(port, "POST", "/v1/traces", b"", {**protobuf, "Origin": "http://evil.example"}),
    ]

    assert [answer.status for answer in answers] == [400, 400, 413, 403]
    assert {answer.headers["content-type"] for answer in answers} == {"application/x-protobuf"}
    assert [answer.body[:2] for answer in answers] == [b"\x08\x03", b"\x08\x03", b"\x08\x03", b"\x08\x07"]
    assert b"protobuf of ExportTraceServiceRequest" in answers[0].body


def test_an_unreadable_json_span_is_reported_and_the_others_are_stored(port: int) -> None:
    run = a_name("run")

    answer = send_spans(port, run, a_span("a" * 16, {}), a_span("b" * 16, {}, name=5), a_span("c" * 16, {}))

    assert (answer.status, answer.value["partialSuccess"]["rejectedSpans"]) == (200, 1)
    assert "bbbbbbbbbbbbbbbb" in answer.value["partialSuccess"]["errorMessage"]
    assert len(ask(port, "GET", f"/api/v1/runs/{run}/skeleton").value["id"]) == 2


def test_an_export_continues_after_a_payload_that_the_disk_lost(titan: RunningTitan, port: int) -> None:
    run, word = a_name("run"), a_name("large")
    assert record(port, run, an_action("a", inputs=[word] * 10_000), an_action("b", inputs="small")).status == 200
    [lost] = [path for path in contents(titan.home) if word.encode() in path.read_bytes()]

    lost.unlink()

    _, first, second, manifest = exported(port, run)
    assert first["inputs"]["$blob"]["head"].startswith(f'["{word}"')
    assert (second["inputs"], manifest["actions"]) == ("small", 2)


def a_span(id: str, attributes: Mapping[str, object], **fields: object) -> dict[str, object]:
    values = {str: "stringValue", int: "intValue"}
    pairs = [{"key": key, "value": {values[type(value)]: value}} for key, value in attributes.items()]
    times = {"startTimeUnixNano": str(AT_NS), "endTimeUnixNano": str(AT_NS + 1)}
    return {"traceId": "a" * 32, "spanId": id, "name": "chat", **times, "attributes": pairs, **fields}


def send_spans(port: int, run: str, *spans: object, agent: str = "somebody") -> Answer:
    named = {"titan.agent_run_id": run, "service.name": agent}
    resource = {"attributes": [{"key": key, "value": {"stringValue": text}} for key, text in named.items()]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    return ask_json(port, "POST", "/v1/traces", body, {"Content-Type": "application/json"})


def contents(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and len(path.name) == 64]


@pytest.mark.parametrize("began_ns", [AT_NS, AT_NS // 10**9])
def test_a_span_whose_times_are_wrong_is_taken_lasts_no_time_and_can_be_imported(port: int, began_ns: int) -> None:
    run = a_name("run")
    times = {"startTimeUnixNano": str(began_ns), "endTimeUnixNano": str(began_ns // 2)}

    taken = send_spans(port, run, a_span("b" * 16, {"gen_ai.request.model": "m"}, **times))

    lines = ask(port, "GET", f"/api/v1/runs/export?run_id={run}").body
    [action] = [line for line in map(json.loads, lines.splitlines()) if line["type"] == "action"]
    imported = ask(port, "POST", "/api/v1/import", lines, {"Content-Type": "application/x-ndjson"})
    assert (taken.status, taken.value) == (200, {})
    assert (action["ended_at"], action["duration_ns"]) == (action["started_at"], 0)
    assert imported.status == 200, imported.body


OLD_CALL = {"id": "e1", "timestamp": "1970-01-01T00:00:00Z", "action": "x", "duration_ms": 5, "outcome": "success"}
#: `time.Time{}` of Go, DateTime.MinValue of .NET
OLD_SPAN = {
    "object": "trace.span",
    "id": "span_1",
    "trace_id": "{run}",
    "started_at": "0001-01-01T00:00:00Z",
    "ended_at": "0001-01-01T00:00:01Z",
    "span_data": {"type": "agent", "name": "ann"},
}
OLD_RUN = {
    "type": "run",
    "run_id": "{run}",
    "agent_id": "ann",
    "agent_at": "1969-07-20T20:17:40Z",
    "status": "running",
    "started_at": "2026-03-01T12:00:00Z",
}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/v1/ingest", {"run_id": "{run}", "agent_id": "ann", "entries": [OLD_CALL]}),
        ("/v1/traces/ingest", {"data": [OLD_SPAN]}),
        ("/api/v1/import?partial=true", OLD_RUN),
        ("/api/public/scores", {"traceId": "{run}", "name": "s", "value": 1, "timestamp": "0001-01-01T00:00:00Z"}),
    ],
)
def test_times_before_1970_are_stored_as_1970_and_exports_stay_readable(
    port: int, path: str, told: dict[str, object]
) -> None:
    run = a_name("run")

    taken = ask(port, "POST", path, json.dumps(told).replace("{run}", run).encode())

    [line, *_, manifest] = exported(port, run)
    assert taken.status in (200, 202), taken.body
    assert (line["type"], manifest["type"]) == ("run", "manifest")
    assert {line[name] for name in ("started_at", "agent_at")} <= {"1970-01-01T00:00:00Z", OLD_RUN["started_at"]}
    for form in ("csv", "json"):
        assert ask(port, "GET", f"/api/v1/runs/export?format={form}&run_id={run}").status == 200
