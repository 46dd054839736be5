"""A pause for a person and a caller that leaves are no errors: no alarm, no success rate, and no "running" either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.telemetry import SPAN_ID, a_request, a_span
from tests.support.waiting import wait_until

TOOL = "b" * 16


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    home: Path = tmp_path_factory.mktemp("pauses") / "home"
    with running_titan(home, offers=()) as running:
        yield running


def send(titan: RunningTitan, *spans: Span) -> None:
    body = a_request(*spans).SerializeToString()
    assert ask(titan.sdk_port, "POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"}).status == 200


def run_of(titan: RunningTitan, trace_id: str) -> dict[str, Any]:
    found: dict[str, Any] = ask(titan.sdk_port, "GET", f"/api/v1/runs/{trace_id}").value
    return found


def an_end(kind: str) -> dict[str, Any]:
    return {"error": "x", "events": [("exception", {"exception.type": kind, "exception.message": "ok?"})]}


@pytest.mark.parametrize(
    ("kind", "reason"), [("langgraph.errors.GraphInterrupt", "waiting"), ("asyncio.CancelledError", "cancelled")]
)
def test_a_tool_that_waits_or_was_left_has_a_reason_and_alarms_nobody(
    titan: RunningTitan, kind: str, reason: str
) -> None:
    trace_id = ("1" if reason == "waiting" else "2") * 32
    root = a_span({"openinference.span.kind": "CHAIN"}, trace_id=trace_id, is_ok=True)
    tools = [
        a_span({"openinference.span.kind": "TOOL"}, trace_id=trace_id, span_id=TOOL, parent_id=SPAN_ID, **an_end(kind)),
        a_span({"openinference.span.kind": "TOOL"}, trace_id=trace_id, span_id="c" * 16, parent_id=SPAN_ID),
    ]

    send(titan, root, *tools)

    wait_until(lambda: run_of(titan, trace_id)["tally"]["calls"] == 1, "the run is counted")
    run = run_of(titan, trace_id)
    assert (run["status"], run["tally"]["success_rate"], run["tally"]["running"], run["troubles"]) == (
        "completed",
        1.0,
        0,
        0,
    )
    action = ask(titan.sdk_port, "GET", f"/api/v1/runs/{trace_id}/actions/{TOOL}").value["action"]
    assert (action["outcome"], action["reason"], action["error_type"]) == (None, reason, kind)
    assert trace_id not in ask(titan.sdk_port, "GET", "/api/v1/intercepts").body.decode()


def test_a_trace_whose_root_was_left_is_cancelled(titan: RunningTitan) -> None:
    trace_id = "3" * 32

    send(titan, a_span({"openinference.span.kind": "LLM"}, trace_id=trace_id, **an_end("GeneratorExit")))

    assert run_of(titan, trace_id)["status"] == "cancelled"
    assert trace_id not in ask(titan.sdk_port, "GET", "/api/v1/intercepts").body.decode()


def test_a_request_that_is_reported_after_its_agent_renames_no_run(titan: RunningTitan) -> None:
    trace_id = "4" * 32
    agent = {"openinference.span.kind": "AGENT", "agent.name": "WEATHER"}
    send(titan, a_span(agent, trace_id=trace_id, span_id=TOOL, parent_id=SPAN_ID, name="agent.run"))
    before = run_of(titan, trace_id)["name"]

    send(titan, a_span({"http.request.method": "POST"}, trace_id=trace_id, name="POST /chat"))

    run = run_of(titan, trace_id)
    assert (before, run["name"], run["agent_id"]) == ("WEATHER", "WEATHER", "WEATHER")
