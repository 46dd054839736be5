"""Whether a span failed, why, and what else happened in it: nothing that it says of that is lost."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.recorded import heard
from tests.support.telemetry import SPAN_ID, STARTED_NS, a_link, a_span, actions_of, entries_of
from titan.ingest.otlp import read_traces
from titan.ingest.otlp.spans import MOST_CHARACTERS, MOST_LISTED
from titan.model.actions import ActionEntry, Failure, Outcome, Reason, RunEnd, RunEntry


def an_action(attributes: Mapping[str, object] | None = None, **changes: Any) -> ActionEntry:
    """Return what one span comes to."""
    [action] = actions_of(a_span(attributes, **changes))
    return action


def details_of(action: ActionEntry) -> dict[str, Any]:
    """Return an action's details."""
    details: dict[str, Any] = json.loads(action.details or "{}")
    return details


def of_json(said: dict[str, Any]) -> ActionEntry:
    """Return what one span in JSON comes to."""
    span = {"traceId": "1" * 32, "spanId": "2" * 16, "name": "n", "startTimeUnixNano": 1, "endTimeUnixNano": 2} | said
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    entries = read_traces(body, content_type="application/json", content_encoding=None).entries
    [action] = [entry for entry in entries if isinstance(entry, ActionEntry)]
    return action


def an_exception(kind: str, message: str, **more: str) -> tuple[str, dict[str, object]]:
    """Return the event that `record_exception` writes."""
    return "exception", {"exception.type": kind, "exception.message": message, **more}


@pytest.mark.parametrize(
    ("kind", "reason", "end"),
    [
        ("langgraph.errors.GraphInterrupt", Reason.WAITING, RunEnd.COMPLETED),
        ("NodeInterrupt", Reason.WAITING, RunEnd.COMPLETED),
        ("pydantic_ai.exceptions.CallDeferred", Reason.WAITING, RunEnd.COMPLETED),
        ("asyncio.exceptions.CancelledError", Reason.CANCELLED, RunEnd.CANCELLED),
        ("GeneratorExit", Reason.CANCELLED, RunEnd.CANCELLED),
    ],
)
def test_a_pause_and_a_caller_that_left_are_no_failures(kind: str, reason: Reason, end: RunEnd) -> None:
    run, action = entries_of(a_span({}, error="x", events=[an_exception(kind, "why")]))

    assert isinstance(action, ActionEntry)
    assert isinstance(run, RunEntry)
    assert (action.outcome, action.failure) == (None, Failure(type=kind, message="why"))
    assert (run.end, run.reason) == (end, "why")
    [stored] = heard([action]).all
    assert (stored.outcome, stored.reason, stored.ended_at) == (None, reason, action.ended_at)


def test_a_root_that_goes_on_after_a_pause_below_it_has_its_own_end() -> None:
    paused = a_span({}, span_id="a" * 16, parent_id=SPAN_ID, events=[an_exception("GraphInterrupt", "")], error="x")

    run, *_ = entries_of(a_span({}, error="ValueError: no"), paused)

    assert isinstance(run, RunEntry)
    assert run.end is RunEnd.FAILED


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"error": "ValueError: nope"}, Failure(type="ValueError", message="nope")),
        ({"error": "it is broken"}, Failure(type="Error", message="it is broken")),
        ({"error": ""}, Failure(type="Error")),
        (
            {"error": "x", "events": [("exception", {"exception.type": "KeyError", "exception.message": "'k'"})]},
            Failure(type="KeyError", message="'k'"),
        ),
        (
            {"error": "x", "events": [("exception", {"exception.stacktrace": "Traceback …"})]},
            Failure(type="Error", message="x", traceback="Traceback …"),
        ),
    ],
)
def test_a_failed_span_says_why(changes: dict[str, object], failure: Failure) -> None:
    action = an_action({}, **changes)

    assert (action.outcome, action.failure) == (Outcome.ERROR, failure)


def test_an_error_type_names_the_failure() -> None:
    action = an_action({"error.type": "rate_limit"}, error="slow: down")

    assert action.failure == Failure(type="rate_limit", message="slow: down")


def test_an_exception_in_a_span_that_went_well_is_no_failure() -> None:
    action = an_action({}, events=[("exception", {"exception.type": "KeyError"})])

    assert (action.outcome, action.failure) == (Outcome.SUCCESS, None)


@pytest.mark.parametrize("error_type", ["timeout", "500", 500])
def test_an_error_type_without_a_status_is_a_failure(error_type: object) -> None:
    action = an_action({"error.type": error_type})

    assert (action.outcome, action.failure) == (Outcome.ERROR, Failure(type=str(error_type)))
    assert action.details is None


def test_an_error_type_beside_a_status_of_success_is_kept_and_no_failure() -> None:
    action = an_action({"error.type": "timeout"}, is_ok=True)

    assert (action.outcome, action.failure) == (Outcome.SUCCESS, None)
    assert details_of(action) == {"attributes": {"error.type": "timeout"}}


def test_an_error_type_says_more_beside_the_type_of_the_exception() -> None:
    action = an_action({"error.type": "timeout"}, error="", events=[an_exception("httpx.ReadTimeout", "10 s")])

    assert action.failure == Failure(type="httpx.ReadTimeout", message="10 s")
    assert details_of(action) == {"attributes": {"error.type": "timeout"}}


def test_the_last_exception_is_why_a_span_failed_and_those_before_it_are_kept() -> None:
    first = an_exception("ReadTimeout", "10 s", **{"exception.stacktrace": "Traceback 1"})
    last = an_exception("RateLimitError", "slow down", **{"exception.stacktrace": "Traceback 2"})

    action = an_action({}, error="RateLimitError: slow down", events=[first, ("retry", {"n": 2}), last])

    assert action.failure == Failure(type="RateLimitError", message="slow down", traceback="Traceback 2")
    assert details_of(action) == {
        "events": [
            {"name": "exception", "at_ns": str(STARTED_NS), "attributes": first[1]},
            {"name": "retry", "at_ns": str(STARTED_NS), "attributes": {"n": 2}},
        ]
    }


def test_other_attributes_of_the_last_exception_are_stored() -> None:
    action = an_action({}, error="", events=[an_exception("E", "m", **{"exception.escaped": "False", "try": "3"})])

    assert details_of(action)["events"] == [{"name": "exception", "at_ns": str(STARTED_NS), "attributes": {"try": "3"}}]


def test_an_exception_that_a_span_got_over_is_kept() -> None:
    recorded = an_exception("ReadTimeout", "10 s")

    action = an_action({}, events=[recorded])

    assert (action.outcome, action.failure) == (Outcome.SUCCESS, None)
    assert details_of(action)["events"] == [{"name": "exception", "at_ns": str(STARTED_NS), "attributes": recorded[1]}]


@pytest.mark.parametrize(
    ("status", "message", "beside"),
    [
        ("RateLimitError: slow", "slow", None),
        ("asking the model: slow", "asking the model: slow", None),
        ("the third try failed, too", "slow", "the third try failed, too"),
    ],
)
def test_a_status_that_says_more_than_the_exception_is_not_lost(status: str, message: str, beside: str | None) -> None:
    action = an_action({}, error=status, events=[an_exception("openai.RateLimitError", "slow")])

    assert action.failure == Failure(type="openai.RateLimitError", message=message)
    assert details_of(action).get("status") == beside


def test_links_are_kept() -> None:
    action = an_action({}, links=[a_link(), a_link({"why": "batch"})])

    ids = {"trace_id": "ab" * 16, "span_id": "cd" * 8}
    assert details_of(action)["links"] == [ids, {**ids, "attributes": {"why": "batch"}}]


def test_links_in_json_are_kept() -> None:
    link = {"traceId": "AB" * 16, "spanId": "cd" * 8, "attributes": [{"key": "why", "value": {"stringValue": "batch"}}]}
    span = {
        "traceId": "1" * 32,
        "spanId": "2" * 16,
        "name": "n",
        "startTimeUnixNano": 1,
        "links": [link],
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()

    [action] = [
        entry
        for entry in read_traces(body, content_type="application/json", content_encoding=None).entries
        if isinstance(entry, ActionEntry)
    ]

    assert details_of(action)["links"] == [{"trace_id": "ab" * 16, "span_id": "cd" * 8, "attributes": {"why": "batch"}}]


def test_of_very_many_events_the_last_are_kept_and_the_others_counted() -> None:
    details = details_of(an_action({}, events=[(f"e{number}", {}) for number in range(MOST_LISTED + 3)]))

    assert [details["events"][0]["name"], details["events"][-1]["name"]] == ["e3", f"e{MOST_LISTED + 2}"]
    assert details["events_left_out"] == 3


def test_events_that_take_too_much_room_are_left_out_whole() -> None:
    half, whole = "x" * (MOST_CHARACTERS // 2), "y" * MOST_CHARACTERS
    few = details_of(an_action({}, events=[("a", {"t": half}), ("b", {"t": half}), ("c", {})]))
    one = details_of(an_action({}, events=[("a", {}), ("b", {"t": whole})]))

    assert ([event["name"] for event in few["events"]], few["events_left_out"]) == (["b", "c"], 1)
    assert ([event["name"] for event in one["events"]], one["events_left_out"]) == (["b"], 1)


def test_a_failure_is_read_the_same_from_json() -> None:
    said = {"attributes": [{"key": "error.type", "value": {"stringValue": "timeout"}}]}

    outcomes = [of_json(said | {"status": {"code": code}}).outcome for code in (0, 1, "STATUS_CODE_OK", 2, None)]

    assert outcomes == [Outcome.ERROR, Outcome.SUCCESS, Outcome.SUCCESS, Outcome.ERROR, Outcome.ERROR]
