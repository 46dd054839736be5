"""Scores as Langfuse's SDKs send them: one, a list, a batch of events; before and after the spans they are about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.raw_http import Answer, ask
from tests.support.submissions import a_name

AT = "2026-03-01T12:00:00Z"
AT_NS = 1_772_366_400_000_000_000


def send(port: int, value: object, path: str = "/api/public/scores") -> Answer:
    return ask(port, "POST", path, json.dumps(value).encode(), {"content-type": "application/json"})


def a_score(trace: str, **fields: object) -> dict[str, object]:
    return {"traceId": trace, "name": "quality", "value": 0.5, "timestamp": AT, **fields}


def notes_of(port: int, run: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(port, "GET", f"/api/v1/runs/{run}/notes").value["data"]
    return sorted(found, key=lambda note: str(note["name"]))


def send_span(port: int, trace: str, *, run: str | None = None, span_id: str = "b7ad6b7169203331") -> None:
    span = {
        "traceId": trace,
        "spanId": span_id,
        "name": "chat",
        "startTimeUnixNano": str(AT_NS - 10**9),
        "endTimeUnixNano": str(AT_NS + 10**9),
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
    }
    named = [] if run is None else [{"key": "titan.agent_run_id", "value": {"stringValue": run}}]
    spans = {"resourceSpans": [{"resource": {"attributes": named}, "scopeSpans": [{"spans": [span]}]}]}
    assert send(port, spans, "/v1/traces").status == 200


def a_trace() -> str:
    return a_name("").strip("-").rjust(32, "0")


def test_a_list_of_scores_becomes_notes_on_the_run_and_its_action(port: int) -> None:
    trace = a_trace()
    send_span(port, trace)

    answer = send(
        port,
        [
            a_score(trace, comment="fair", id="s1" + trace),
            a_score(trace, name="tone", value="friendly", observationId="b7ad6b7169203331", dataType="CATEGORICAL"),
            a_score(trace, name="works", value=True, environment="default", metadata={"a": 1}),
        ],
    )

    assert (answer.status, answer.value) == (202, {"message": "Accepted"})
    told = [(note["name"], note["score"], note["text"], note["action_id"]) for note in notes_of(port, trace)]
    assert told == [
        ("quality", 0.5, "fair", None),
        ("tone", None, "friendly", "b7ad6b7169203331"),
        ("works", 1.0, "", None),
    ]
    assert notes_of(port, trace)[0]["at"] == AT


def test_a_score_under_the_id_of_an_earlier_one_replaces_it(port: int) -> None:
    trace, score_id = a_trace(), a_name("score")

    for value in (0.1, 0.9):
        answer = send(port, a_score(trace, id=score_id, value=value))
        assert (answer.status, answer.value) == (200, {"id": score_id})

    assert [note["score"] for note in notes_of(port, trace)] == [0.9]


def test_a_score_may_come_before_the_spans_it_is_about(port: int) -> None:
    trace = a_trace()
    send(port, [a_score(trace)])

    send_span(port, trace)

    run = ask(port, "GET", f"/api/v1/runs/{trace}").value
    assert (run["status"], run["status_source"], run["tally"]["calls"]) == ("completed", "explicit", 1)
    assert [note["score"] for note in notes_of(port, trace)] == [0.5]


def test_invalid_scores_are_named_and_the_rest_is_stored(port: int) -> None:
    trace = a_trace()
    session = {"sessionId": "s", "name": "quality", "value": 1, "id": "no-trace"}

    some = send(port, [a_score(trace), session, a_score(trace, value=None), "nonsense"])
    one = send(port, session)

    assert some.status == 207
    assert (some.value["accepted"], some.value["rejected"]) == (1, 3)
    assert some.value["errors"][0]["message"].startswith("no-trace: a score of a session")
    assert (one.status, one.value["error"]["type"]) == (400, "InvalidInput")
    assert len(notes_of(port, trace)) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[" + b"{}," * 1001 + b"{}]"], ids=["empty", "no JSON", "too many"])
def test_a_body_without_a_score_is_refused(port: int, body: bytes) -> None:
    assert ask(port, "POST", "/api/public/scores", body).refusal == (400, "InvalidInput")
    assert ask(port, "POST", "/api/public/ingestion", body).refusal == (400, "InvalidInput")


def test_the_scores_of_an_older_sdk_come_in_a_batch_of_events(port: int) -> None:
    trace = a_trace()
    event = {"id": "e1", "type": "score-create", "timestamp": AT, "body": a_score(trace)}
    other = {"id": "e2", "type": "trace-create", "timestamp": AT, "body": {"id": trace}}

    answer = send(port, {"batch": [event, other, 3], "metadata": {}}, "/api/public/ingestion")

    assert answer.status == 207
    assert answer.value["successes"] == [{"id": "e1", "status": 201}]
    assert [(error["id"], error["status"]) for error in answer.value["errors"]] == [("e2", 400), ("", 400)]
    assert "OpenTelemetry" in answer.value["errors"][0]["message"]
    assert [note["author"] for note in notes_of(port, trace)] == ["langfuse"]


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_a_score_at_no_time_that_can_be_read_again_is_refused(port: int, at: str) -> None:
    trace = a_trace()
    send_span(port, trace)

    answer = send(port, a_score(trace, timestamp=at))

    assert answer.refusal == (400, "InvalidInput")
    assert "the years 1 to 9999" in answer.message
    assert notes_of(port, trace) == []


def test_a_time_without_a_zone_is_taken_as_utc(port: int) -> None:
    trace = a_trace()

    assert send(port, a_score(trace, timestamp="2026-03-01T12:00:00")).status == 200

    assert [note["at"] for note in notes_of(port, trace)] == [AT]


@pytest.mark.parametrize("field", ["name", "value", "comment", "id", "traceId", "observationId"])
def test_half_a_surrogate_pair_in_a_score_fails_no_request(port: int, field: str) -> None:
    score = a_score(a_trace()) | {field: "a\ud800"}

    for answer in (send(port, score), send(port, [score]), send(port, {"batch": [{"id": "\ud800", "body": score}]})):
        assert answer.status in (200, 202, 207, 400), answer.body


@pytest.mark.parametrize("is_score_first", [False, True])
def test_a_score_of_a_trace_is_on_the_run_that_its_program_named(port: int, is_score_first: bool) -> None:
    trace, run = a_trace(), a_name("run")
    scores = [a_score(trace), a_score(trace, name="tone", value="friendly", observationId="b7ad6b7169203331")]

    if is_score_first:
        send(port, scores)
        send_span(port, trace, run=run)
    else:
        send_span(port, trace, run=run)
        send(port, scores)

    told = [(note["name"], note["action_id"]) for note in notes_of(port, run)]
    assert told == [("quality", None), ("tone", "b7ad6b7169203331")]
    assert notes_of(port, trace) == notes_of(port, run)
    assert ask(port, "GET", f"/api/v1/runs/{run}").value["tally"]["calls"] == 1


def test_where_a_trace_is_a_run_of_its_own_its_scores_are_on_that(port: int) -> None:
    trace, run = a_trace(), a_name("run")
    own = {"type": "action", "id": "a" * 16, "name": "look_up", "started_at_ns": AT_NS}
    assert send(port, {"run_id": trace, "entries": [own]}, "/api/v1/actions").status == 200  # its program names it so
    send_span(port, trace, run=run, span_id="b" * 16)

    send(port, [a_score(trace), a_score(trace, observationId="a" * 16)])

    assert notes_of(port, run) == []
    assert {note["action_id"] for note in notes_of(port, trace)} == {None, "a" * 16}


def test_a_trace_that_is_named_late_takes_its_scores_along_and_is_asked_for_by_both_names(port: int) -> None:
    trace, run = a_trace(), a_name("run")
    send_span(port, trace, span_id="a" * 16)
    send(port, [a_score(trace), a_score(trace, observationId="a" * 16)])

    send_span(port, trace, run=run, span_id="b" * 16)
    send(port, [a_score(trace, observationId="b" * 16)])

    assert {note["action_id"] for note in notes_of(port, run)} == {None, "a" * 16, "b" * 16}
    assert ask(port, "GET", f"/api/v1/runs/{trace}").value["run_id"] == run


def test_a_trace_of_a_run_that_is_deleted_is_forgotten_with_it(port: int) -> None:
    trace, run = a_trace(), a_name("run")
    send_span(port, trace, run=run)
    assert send(port, {"status": "completed"}, f"/api/v1/runs/{run}/end").status == 200
    assert ask(port, "DELETE", f"/api/v1/runs/{run}").status == 200

    send(port, a_score(trace))

    assert ask(port, "GET", f"/api/v1/runs/{run}").refusal == (404, "UnknownRun")
    assert len(notes_of(port, trace)) == 1
