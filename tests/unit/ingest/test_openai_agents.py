"""What openai-agents exports comes to runs, with the agents, calls and handoffs in them."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from titan.ingest.openai_agents import read
from titan.model.actions import ActionEntry, ActionKind, Entry, ModelUse, Outcome, RunEnd, RunEntry
from titan.model.errors import InvalidInput

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAPTURED = (Path(__file__).parent / "captured_openai_agents/three_traces.json").read_bytes()


def entries_of(*items: object) -> list[Entry]:
    return list(read(json.dumps({"data": items}).encode(), received_at=NOW).entries)


def a_span(span_data: object, **changes: object) -> dict[str, object]:
    times = {"started_at": "2026-03-01T12:00:00+00:00", "ended_at": "2026-03-01T12:00:01.500000+00:00"}
    return {"object": "trace.span", "id": "span_1", "trace_id": "trace_1", "span_data": span_data} | times | changes


def captured(kind: ActionKind) -> list[ActionEntry]:
    entries = read(CAPTURED, received_at=NOW).entries
    return [entry for entry in entries if isinstance(entry, ActionEntry) and entry.kind is kind]


def test_a_trace_is_a_run_and_its_group_a_session() -> None:
    runs = [entry for entry in read(CAPTURED, received_at=NOW).entries if isinstance(entry, RunEntry)]

    assert [(run.name, run.agent_id, run.session_id, run.end) for run in runs] == [
        ("Weather question", "triage", "session-1", RunEnd.COMPLETED),
        ("Broken", "breaker", None, RunEnd.COMPLETED),
        ("Agent workflow", "chatter", None, RunEnd.COMPLETED),
    ]
    assert json.loads(runs[0].details or "") == {"metadata": {"customer": "c1"}}


def test_agents_calls_turns_and_handoffs_are_distinguished() -> None:
    assert [entry.name for entry in captured(ActionKind.AGENT)] == ["triage", "weather_agent", "breaker", "chatter"]
    assert [entry.name for entry in captured(ActionKind.MODEL)] == ["responses"] * 4 + ["chat"] * 2
    assert [entry.name for entry in captured(ActionKind.TOOL)] == ["broken", "get_weather"]
    assert [entry.name for entry in captured(ActionKind.HANDOFF)] == ["triage → weather_agent"]
    assert [entry.name for entry in captured(ActionKind.TURN)][:2] == ["turn 1", "turn 2"]


def test_an_answer_of_the_responses_api_has_its_id_and_tokens() -> None:
    first, *_ = captured(ActionKind.MODEL)

    assert first.use == ModelUse(
        provider="openai",
        input_tokens=31,
        output_tokens=9,
        cache_read_tokens=5,
        cache_write_tokens=0,
        reasoning_tokens=2,
        response_id="resp_ea03bb79",
    )


def test_the_messages_of_a_generation_are_separate() -> None:
    *_, last = captured(ActionKind.MODEL)

    assert last.inputs is not None
    assert [json.loads(piece)["role"] for piece in last.inputs.shared] == ["user", "assistant", "tool"]
    assert json.loads(last.inputs.whole)["model"] == "gpt-4o-mini"


def test_a_turn_counts_no_tokens_of_its_own() -> None:
    turn, *_ = captured(ActionKind.TURN)

    assert turn.use is None
    assert json.loads(turn.details or "")["sums"]["input_tokens"] == 31


def test_a_tool_that_failed_says_why() -> None:
    broken, _ = captured(ActionKind.TOOL)

    assert broken.outcome is Outcome.ERROR
    assert broken.failure is not None
    assert broken.failure.message.startswith("Error running tool (non-fatal): ")


def test_a_guardrail_is_a_verdict() -> None:
    [guardrail] = captured(ActionKind.CALL)

    assert json.loads(guardrail.details or "")["verdict"] == {"name": "polite", "passed": True}


def test_a_trace_alone_began_when_it_came() -> None:
    [run] = entries_of({"object": "trace", "id": "trace_1", "workflow_name": "w", "group_id": None, "metadata": None})

    assert run == RunEntry(run_id="trace_1", source=run.source, at=NOW, name="w")


def test_a_span_that_runs_is_pending_and_ends_no_run() -> None:
    task = {"type": "custom", "name": "task", "data": {"sdk_span_type": "task", "name": "w"}}
    run, action = entries_of(a_span(task, ended_at=None))

    assert isinstance(run, RunEntry)
    assert isinstance(action, ActionEntry)
    assert (run.end, action.ended_at, action.outcome) == (None, None, None)


def test_items_without_id_or_time_are_counted_and_left_out() -> None:
    body = {"data": [a_span({"type": "agent", "name": "a"}), {"object": "trace.span", "id": "x"}, {"object": "?"}]}

    batch = read(json.dumps(body).encode(), received_at=NOW)

    assert (batch.accepted, batch.rejected) == (1, 2)
    assert len(batch.entries) == 2


def test_a_speech_is_a_model_call_with_its_raw_input() -> None:
    _, action = entries_of(a_span({"type": "speech", "input": "say hi", "model": "tts-1", "output": {"data": "…"}}))

    assert isinstance(action, ActionEntry)
    assert action.inputs is not None
    assert json.loads(action.inputs.whole) == {"model": "tts-1", "input": "say hi"}
    assert action.cost is None or action.cost > Decimal(0)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"data": {}}', b'{"data": [1]}', b'{"data": NaN}', b"\xff", b"[" * 100_000]
)
def test_an_invalid_openai_agents_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="openai-agents"):
        read(body, received_at=NOW)


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (a_span({"type": "agent"}, started_at="0001-01-01T00:00:00+10:00"), "the years 1 to 9999"),
        (a_span({"type": "agent"}, ended_at="9999-12-31T23:59:59-10:00"), "the years 1 to 9999"),
        (a_span({"type": "agent"}, started_at="junk"), r"\$.data\[1\].*started_at"),
        (a_span({"type": "agent"}, id=5), r"\$.data\[1\].*`int`"),
        (a_span([]), r"\$.data\[1\].*span_data"),
        (5, r"\$.data\[1\].*a trace or a span"),
        ({"object": "weird", "id": "w"}, "openai-agents: w: expected .*; found object 'weird'"),
        ({"object": "trace.span", "id": "w", "trace_id": "t"}, "w: expected .*; found no started_at"),
        ({"object": "trace"}, "one without an id: expected .*; found no id\\."),
    ],
)
@pytest.mark.parametrize("beside", [1.0, float("nan"), "\ud800"])
def test_one_that_cannot_be_read_costs_no_other(odd: object, why: str, beside: object) -> None:
    good = a_span({"type": "function", "name": "look up", "input": beside}, id="good")
    trace = {"object": "trace", "id": "trace_1", "workflow_name": "w"}

    batch = read(json.dumps({"data": [trace, odd, good]}).encode(), received_at=NOW)

    run, action = batch.entries
    assert (run.run_id, getattr(action, "id", "")) == ("trace_1", "good")
    assert (batch.accepted, batch.rejected) == (2, 1)
    assert re.search(why, batch.problem)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
DATA = st.dictionaries(
    st.sampled_from(["type", "name", "input", "output", "usage", "model", "model_config", "data", "response_id"]),
    st.sampled_from(["agent", "generation", "response", "function", "guardrail", "custom", "handoff"]) | JSON,
)


@given(DATA, JSON)
@settings(max_examples=60)
def test_any_span_data_gives_an_action(data: dict[str, object], error: object) -> None:
    _, action = entries_of(a_span(data, error={"message": "no", "data": error}))

    assert isinstance(action, ActionEntry)
    for payload in (action.inputs, action.outputs):
        assert payload is None or json.loads(payload.whole) is not ...
