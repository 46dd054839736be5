"""What real clients sent comes to the runs that their programs were."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from titan.ingest.otlp import read_logs, read_traces
from titan.model.actions import ActionEntry, ActionKind, Entry, Failure, ModelUse, Outcome, RunEnd, RunEntry

CAPTURED = Path(__file__).parent / "captured"
USE = ModelUse(
    model="gpt-4o-mini-2024-07-18",
    provider="openai",
    input_tokens=31,
    output_tokens=9,
    cache_read_tokens=5,
    reasoning_tokens=2,
)


def captured(name: str) -> Sequence[Entry]:
    encoding = "gzip" if name.endswith(".gz") else None
    body = (CAPTURED / name).read_bytes()
    batch = read_traces(body, content_type="application/x-protobuf", content_encoding=encoding)
    assert (batch.rejected, batch.problem) == (0, "")
    return batch.entries


def actions(entries: Sequence[Entry], kind: ActionKind) -> list[ActionEntry]:
    return [entry for entry in entries if isinstance(entry, ActionEntry) and entry.kind is kind]


def runs(entries: Sequence[Entry]) -> list[RunEntry]:
    return [entry for entry in entries if isinstance(entry, RunEntry)]


def whole(entry: ActionEntry, of: str) -> object:
    payload = entry.inputs if of == "inputs" else entry.outputs
    return None if payload is None else json.loads(payload.whole)


@pytest.mark.parametrize(
    ("file", "agents", "models", "tools"),
    [
        ("logfire.traces.bin", ["weather_agent"], ["chat", "chat"], ["get_weather"]),
        ("langfuse.traces.bin", ["weather_agent"], ["OpenAI-generation", "manual"], ["get_weather"]),
        ("openinference.traces.bin.gz", ["agent", "agent", "weather_agent"], ["ChatOpenAI"] * 2, ["get_weather"]),
        ("traceloop.traces.bin", ["weather_agent"], ["chat", "chat"], ["get_weather"]),
        ("laminar.traces.bin", [], ["openai.chat"], ["get_weather"]),
        ("openai-v2.traces.bin", [], ["chat"], []),
    ],
)
def test_agents_models_and_tools_of_captures_are_distinguished(
    file: str, agents: list[str], models: list[str], tools: list[str]
) -> None:
    entries = captured(file)

    assert [entry.name for entry in actions(entries, ActionKind.AGENT)] == agents
    assert [entry.name for entry in actions(entries, ActionKind.MODEL)] == models
    assert [entry.name for entry in actions(entries, ActionKind.TOOL)] == tools


@pytest.mark.parametrize("file", sorted(path.name for path in CAPTURED.glob("*.traces.bin*")))
def test_every_run_is_whole_and_comes_before_its_actions(file: str) -> None:
    entries = captured(file)
    ended = {run.run_id: run for run in runs(entries)}

    assert isinstance(entries[0], RunEntry)
    assert all(run.end is not None for run in ended.values())
    for action in (entry for entry in entries if isinstance(entry, ActionEntry)):
        assert action.run_id in ended
        assert action.outcome is not None
        siblings = {entry.id for entry in entries if isinstance(entry, ActionEntry)}
        assert action.parent_id is None or action.parent_id in siblings


@pytest.mark.parametrize(
    ("file", "session"),
    [
        ("langfuse.traces.bin", "session-1"),
        ("openinference.traces.bin.gz", "session-1"),
        ("traceloop.traces.bin", "session-1"),
        ("laminar.traces.bin", "session-1"),
    ],
)
def test_a_session_groups_runs_and_the_user_is_the_principal(file: str, session: str) -> None:
    entries = captured(file)

    assert [run.session_id for run in runs(entries)] == [session]
    [tool] = actions(entries, ActionKind.TOOL)
    assert json.loads(tool.details or "")["principal"] == "user-1"


@pytest.mark.parametrize(
    "file", ["logfire.traces.bin", "openinference.traces.bin.gz", "traceloop.traces.bin", "laminar.traces.bin"]
)
def test_tokens_and_model_are_those_of_the_answer(file: str) -> None:
    for model in actions(captured(file), ActionKind.MODEL):
        assert model.use is not None
        assert (model.use.model, model.use.provider) == (USE.model, USE.provider)
        assert (model.use.input_tokens, model.use.output_tokens) == (31, 9)
        assert (model.use.cache_read_tokens, model.use.reasoning_tokens) == (5, 2)


def test_an_answer_is_the_same_text_in_the_next_question() -> None:
    first, second = actions(captured("traceloop.traces.bin"), ActionKind.MODEL)

    assert first.inputs is not None
    assert first.outputs is not None
    assert second.inputs is not None
    assert second.inputs.shared[: len(first.inputs.shared)] == first.inputs.shared
    assert first.outputs.shared[0] in second.inputs.shared


def test_pydantic_ai_reports_the_cost_of_its_calls_and_sums_for_the_agent() -> None:
    entries = captured("logfire.traces.bin")

    assert [model.cost for model in actions(entries, ActionKind.MODEL)] == [Decimal("0.000009675")] * 2
    [agent] = actions(entries, ActionKind.AGENT)
    assert (agent.cost, agent.use) == (None, ModelUse(model="gpt-4o-mini"))
    assert whole(agent, "outputs") == "It is sunny in Paris."
    assert agent.inputs is not None
    assert len(agent.inputs.shared) == 5


def test_a_tool_has_its_arguments_and_its_result() -> None:
    [of_logfire] = actions(captured("logfire.traces.bin"), ActionKind.TOOL)
    [of_langfuse] = actions(captured("langfuse.traces.bin"), ActionKind.TOOL)

    assert (whole(of_logfire, "inputs"), whole(of_logfire, "outputs")) == ({"city": "Paris"}, "sunny in Paris")
    assert whole(of_langfuse, "outputs") == {"sky": "sunny", "city": "Paris"}


def test_an_exception_is_the_reason_why_a_run_failed() -> None:
    entries = captured("logfire.traces.bin")

    [failed] = [run for run in runs(entries) if run.end is RunEnd.FAILED]
    [step] = [entry for entry in actions(entries, ActionKind.STEP) if entry.run_id == failed.run_id]
    assert failed.reason == "nope"
    assert step.failure is not None
    assert (step.failure.type, step.failure.message) == ("ValueError", "nope")
    assert (step.failure.traceback or "").startswith("Traceback")


def test_langfuse_reports_prices_levels_and_its_own_usage() -> None:
    entries = captured("langfuse.traces.bin")
    _, manual = actions(entries, ActionKind.MODEL)
    [bad] = actions(entries, ActionKind.STEP)

    assert manual.cost == Decimal("0.00013")
    assert manual.use == ModelUse(model="gpt-4o", input_tokens=12, output_tokens=3, cache_read_tokens=2)
    assert (bad.outcome, bad.failure) == (Outcome.ERROR, Failure(type="Error", message="it broke"))
    assert [run.tags for run in runs(entries)] == [("demo",)]
    assert [run.name for run in runs(entries)] == ["weather"]


def test_a_graphs_states_share_their_messages() -> None:
    entries = captured("openinference.traces.bin.gz")
    states = [entry.inputs for entry in actions(entries, ActionKind.STEP) if entry.name == "call_model"]

    first, second = states
    assert first is not None
    assert second is not None
    assert second.shared[: len(first.shared)] == first.shared
    assert json.loads(second.whole)["remaining_steps"] > 0


def test_a_whole_choice_of_a_provider_is_its_message() -> None:
    [model] = actions(captured("laminar.traces.bin"), ActionKind.MODEL)

    outputs = whole(model, "outputs")
    assert isinstance(outputs, dict)
    assert [message["content"] for message in outputs["messages"]] == ["It is sunny in Paris."]


def test_messages_in_log_records_are_those_of_the_span_they_name() -> None:
    [of_span] = actions(captured("openai-v2.traces.bin"), ActionKind.MODEL)
    body = (CAPTURED / "openai-v2.logs.bin").read_bytes()
    [of_records] = read_logs(body, content_type=None, content_encoding=None).entries

    assert isinstance(of_records, ActionEntry)
    assert (of_records.run_id, of_records.id, of_records.name) == (of_span.run_id, of_span.id, of_span.name)
    assert (of_span.inputs, of_span.outputs, of_records.ended_at) == (None, None, None)
    assert whole(of_records, "inputs") == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}]
    }
    assert whole(of_records, "outputs") == {"messages": [{"role": "assistant", "content": "It is sunny in Paris."}]}
