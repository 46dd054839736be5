"""Calls through our model endpoint, by the openai package, that OpenTelemetry reports as well: each counts once."""

from __future__ import annotations

from collections.abc import Iterator
from time import time_ns
from typing import Any

import openai
import pytest

from tests.acceptance.conftest import Tell
from tests.support.capturing import KEPT_FOR_EVER
from tests.support.fake_endpoint import FakeEndpoint, a_completion, a_stream
from tests.support.foreign_programs import PROGRAMS, priced
from tests.support.raw_http import ask_json
from tests.support.recorded_calls import RecordedCalls
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.seen_twice import AGENT, CALL, SKY, send_spans
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def titan(endpoint: FakeEndpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    home = tmp_path_factory.mktemp("twice") / "home"
    model = f"{endpoint.url}#gpt-4o-mini"
    with running_titan(home, offers=(), model=model, environment=KEPT_FOR_EVER) as running:
        yield running


def test_notes_and_scores_of_a_call_move_with_it_into_its_trace(
    titan: RunningTitan, client: openai.OpenAI, endpoint: FakeEndpoint, recorded: RecordedCalls
) -> None:
    trace_id, began_ns = "5" * 32, time_ns()
    endpoint.replies.append(a_completion("blue"))
    answer = client.chat.completions.create(model="default", messages=[SKY]).id
    [seen] = recorded.actions(answer)
    path = f"/api/v1/runs/{answer}"
    note = {"text": "well said", "name": "quality", "score": 1, "action_id": seen["action"]["id"]}
    assert ask_json(titan.sdk_port, "POST", f"{path}/notes", note).status == 201
    assert ask_json(titan.sdk_port, "POST", f"{path}/pin", {}).status == 200

    send_spans(titan.sdk_port, trace_id, answer, began_ns=began_ns)

    call = the_call(recorded, trace_id)
    assert [(told["text"], told["score"]) for told in call["notes"]] == [("well said", 1.0)]
    assert recorded.run(trace_id)["is_pinned"]
    assert recorded.run(answer)["run_id"] == trace_id  # which is found by its first name, too


def the_call(recorded: RecordedCalls, trace_id: str, *, counted: int = 1) -> dict[str, Any]:
    """Return our endpoint's report of the one call in a run, once its span is shown as its duplicate."""

    def is_counted_once() -> bool:
        return recorded.run(trace_id)["tally"]["calls"] == counted and kind_of_span(recorded, trace_id) == "step"

    wait_until(is_counted_once, "both have reported the call")
    [call] = recorded.actions(trace_id)
    assert (call["action"]["kind"], call["sources"]) == ("model", ["endpoint"])
    assert recorded.parent(trace_id, call["action"]["id"]) == CALL
    return call


def kind_of_span(recorded: RecordedCalls, trace_id: str) -> str:
    kind: str = recorded.action(trace_id, CALL)["action"]["kind"]
    return kind


def test_a_call_that_our_endpoint_saw_first_joins_the_trace(
    titan: RunningTitan, client: openai.OpenAI, endpoint: FakeEndpoint, recorded: RecordedCalls
) -> None:
    trace_id, began_ns = "1" * 32, time_ns()
    endpoint.replies.append(a_completion("blue"))
    answer = client.chat.completions.create(model="default", messages=[SKY]).id
    recorded.actions(answer)  # a run of its own, until somebody says whose it is

    send_spans(titan.sdk_port, trace_id, answer, began_ns=began_ns)

    call, run = the_call(recorded, trace_id), recorded.run(trace_id)
    assert call["action"]["agent_id"] == "painter"
    assert '"Which colour has the sky?"' in call["bodies"]["inputs"]["text"]  # which the span did not say
    assert (run["tally"]["calls"], run["tally"]["input_tokens"], run["status"]) == (1, 7, "completed")
    assert recorded.run(answer)["run_id"] == trace_id


def test_a_call_that_its_span_reported_first_joins_the_trace(
    titan: RunningTitan, client: openai.OpenAI, endpoint: FakeEndpoint, recorded: RecordedCalls
) -> None:
    trace_id, began_ns = "2" * 32, time_ns()
    endpoint.replies.append(a_stream({"content": "It"}, {"content": " is"}, finish_reason=None, is_held=True))
    stream = client.chat.completions.create(model="default", messages=[SKY], stream=True)
    answer = next(stream).id

    send_spans(titan.sdk_port, trace_id, answer, began_ns=began_ns)
    stream.close()  # which is when our endpoint knows how it ended: without an outcome

    call, run = the_call(recorded, trace_id, counted=0), recorded.run(trace_id)
    assert (call["action"]["agent_id"], call["action"]["reason"]) == ("painter", "cancelled")
    assert (run["tally"]["input_tokens"], run["tally"]["output_tokens"]) == (7, 2)  # which the span alone knows
    assert recorded.run(answer)["run_id"] == trace_id


@pytest.mark.parametrize("is_span_first", [True, False])
def test_a_call_that_names_its_run_counts_there_alone_though_its_span_is_in_a_trace(
    titan: RunningTitan,
    client: openai.OpenAI,
    endpoint: FakeEndpoint,
    recorded: RecordedCalls,
    *,
    is_span_first: bool,
) -> None:
    run_id, trace_id, began_ns = f"named-{is_span_first}", ("3" if is_span_first else "4") * 32, time_ns()
    finish_reason = None if is_span_first else "stop"
    endpoint.replies.append(
        a_stream({"content": "It"}, {"content": " is"}, finish_reason=finish_reason, is_held=is_span_first)
    )
    stream = client.chat.completions.create(
        model="default", messages=[SKY], stream=True, extra_headers={"X-Titan-Run-Id": run_id}
    )
    answer = next(stream).id
    if not is_span_first:
        list(stream)
        recorded.actions(run_id)

    send_spans(titan.sdk_port, trace_id, answer, began_ns=began_ns)
    stream.close()

    wait_until(lambda: recorded.run(trace_id)["tally"]["calls"] == 0, "the trace counts it no more")
    [call] = recorded.actions(run_id)
    assert (call["action"]["kind"], set(call["sources"])) == ("model", {"endpoint"})
    assert recorded.run(run_id)["tally"]["calls"] == (0 if is_span_first else 1)  # a stream that is closed is none
    frame = recorded.action(trace_id, CALL)["action"]
    assert (frame["kind"], frame["parent_id"]) == ("step", AGENT)
    assert recorded.run(trace_id)["tally"]["input_tokens"] is None


def test_pydantic_ai_with_logfire_through_our_endpoint_counts_each_call_once(
    titan: RunningTitan, endpoint: FakeEndpoint, recorded: RecordedCalls, tell: Tell
) -> None:
    endpoint.replies.extend(priced(PROGRAMS["pydantic_ai_logfire_and_model"]))
    known = {run["run_id"] for run in recorded.runs("weather_agent")}

    tell("pydantic_ai_logfire_and_model", titan, None)

    wait_until(lambda: bool(its_runs(recorded, known)), "the agent's run is completed")
    [run] = its_runs(recorded, known)
    calls = [recorded.action(run["run_id"], action_id) for action_id in recorded.ids(run["run_id"])]
    assert sorted((call["action"]["kind"], call["sources"]) for call in calls) == [
        ("model", ["endpoint"]),
        ("model", ["endpoint"]),
        ("tool", ["otlp:pydantic-ai"]),
    ]
    assert (run["tally"]["calls"], run["tally"]["input_tokens"], run["tally"]["output_tokens"]) == (3, 62, 18)
    assert [run for run in recorded.runs("direct-calls") if run["name"] == "One call of the model"] == []


def its_runs(recorded: RecordedCalls, known: set[str]) -> list[dict[str, Any]]:
    """Return the runs of the weather's agent that are over and counted, but for those that were known before."""
    runs = [run for run in recorded.runs("weather_agent") if run["run_id"] not in known]
    return [run for run in runs if run["status"] == "completed" and run["tally"]["calls"] == 3]
