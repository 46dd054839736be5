"""The openai package, as anybody uses it, against Titan's model endpoint; and what is recorded of it."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import (
    ChatCompletionMessage,
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageParam,
    ChatCompletionToolParam,
)

import titan_sdk
from tests.support.heard import recorded_locally
from tests.support.raw_http import ask
from tests.support.recorded_calls import RecordedCalls
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until

ANSWERS = [
    {"contains": ["weather", "18 °C"], "answer": "Mild, 18 °C.", "repeat": True},
    {
        "contains": "weather",
        "answer": "I look.",
        "tool_calls": [{"name": "weather", "arguments": {"city": "Köln"}}, {"name": "weather"}],
        "repeat": True,
    },
    {"contains": "sky", "answer": "It is blue.", "repeat": True},
    {"contains": "away", "error": "ModelUnavailable", "repeat": True},
    {"contains": "breaks", "answer": "Half of", "error": "ModelUnavailable", "repeat": True},
]
SKY: ChatCompletionMessageParam = {"role": "user", "content": "Which colour has the sky?"}
WEATHER: ChatCompletionMessageParam = {"role": "user", "content": "The weather in Köln?"}
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    folder = tmp_path_factory.mktemp("endpoint")
    script = folder / "answers.json"
    script.write_text(json.dumps(ANSWERS))
    with running_titan(folder / "home", offers=(), model=f"scripted:{script}") as running:
        yield running


def run_of(run_id: str, agent_id: str = "painter") -> dict[str, str]:
    """Return the headers that put a call into a run."""
    return {"X-Titan-Run-Id": run_id, "X-Titan-Agent-Id": agent_id}


def refusals(metrics: str) -> int:
    """Return how many requests for the model were refused, by the metrics."""
    [line] = [line for line in metrics.splitlines() if line.startswith("titan_refused_model_requests_total ")]
    return int(float(line.split()[1]))


def functions_of(message: ChatCompletionMessage) -> list[ChatCompletionMessageFunctionToolCall]:
    """Return the functions that a message calls."""
    return [call for call in message.tool_calls or () if call.type == "function"]


def body_of(action: dict[str, Any], which: str) -> Any:
    """Return an action's inputs or outputs."""
    return json.loads(action["bodies"][which]["text"])


def test_a_call_inside_a_recorded_run_joins_it_below_the_action_that_makes_it(
    client: openai.OpenAI, recorded: RecordedCalls
) -> None:
    with recorded_locally("recorded-1"), titan_sdk.action("plan") as act:
        client.chat.completions.create(model="default", messages=[SKY], extra_headers=titan_sdk.headers())

    (action,) = recorded.actions("recorded-1")
    assert (action["action"]["kind"], action["action"]["parent_id"], action["action"]["agent_id"]) == (
        *("model", act.id),
        "R",
    )


def test_a_chat_completion_comes_with_its_tokens_and_is_recorded(
    client: openai.OpenAI, recorded: RecordedCalls
) -> None:
    completion = client.chat.completions.create(
        model="default", messages=[SKY], temperature=0, extra_headers=run_of("chat-1")
    )

    assert completion.choices[0].message.content == "It is blue."
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (5, 3)
    (action,) = recorded.actions("chat-1")
    about = action["action"]
    assert (about["id"], about["kind"], about["name"], about["agent_id"]) == (completion.id, "model", "chat", "painter")
    assert (about["outcome"], about["input_tokens"], about["output_tokens"]) == ("success", 5, 3)
    assert (about["model"], about["provider"]) == ("scripted:answers.json", "scripted")
    assert action["sources"] == ["endpoint"]
    assert body_of(action, "inputs") == {"messages": [SKY], "model": "default", "temperature": 0}
    assert body_of(action, "outputs") == {"role": "assistant", "content": "It is blue."}
    assert recorded.run("chat-1")["status"] == "running"


def test_the_model_is_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["scripted:answers.json"]


def test_a_stream_comes_in_pieces_with_its_tokens_and_is_recorded(
    client: openai.OpenAI, recorded: RecordedCalls
) -> None:
    with client.chat.completions.create(
        model="default",
        messages=[SKY],
        stream=True,
        stream_options={"include_usage": True},
        extra_headers=run_of("stream-1"),
    ) as stream:
        chunks = list(stream)

    assert [chunk.choices[0].delta.content for chunk in chunks[:-1]] == ["", "It", " is", " blue.", None]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None, None, None, None, "stop"]
    assert chunks[-1].usage is not None
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 8)
    (action,) = recorded.actions("stream-1")
    assert {chunk.id for chunk in chunks} == {action["action"]["id"]}
    assert (action["action"]["outcome"], action["action"]["output_tokens"]) == ("success", 3)
    assert body_of(action, "outputs") == {"role": "assistant", "content": "It is blue."}
    assert action["details"]["attributes"]["gen_ai.response.time_to_first_chunk"] > 0


def test_tools_are_called_and_their_results_taken(client: openai.OpenAI, recorded: RecordedCalls) -> None:
    first = client.chat.completions.create(
        model="default", messages=[WEATHER], tools=[TOOL], tool_choice="required", extra_headers=run_of("tools-1")
    )
    calls = functions_of(first.choices[0].message)
    history = [WEATHER, first.choices[0].message.to_dict()]
    results = [{"role": "tool", "tool_call_id": call.id, "content": "18 °C"} for call in calls]
    second = client.chat.completions.create(
        model="default",
        messages=[*history, *results],  # type: ignore[list-item]  # its own message as a dict
        tools=[TOOL],
        extra_headers=run_of("tools-1"),
    )

    assert first.choices[0].finish_reason == "tool_calls"
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Köln"}, {}]
    assert second.choices[0].message.content == "Mild, 18 °C."
    asked, answered = recorded.actions("tools-1", count=2)
    said = body_of(asked, "outputs")
    assert (said["content"], said["tool_calls"][0]) == ("I look.", calls[0].to_dict())
    assert body_of(asked, "inputs")["tools"] == [TOOL]
    assert [message["role"] for message in body_of(answered, "inputs")["messages"]] == [
        "user",
        "assistant",
        "tool",
        "tool",
    ]
    # No answer of a model waits for its record.
    wait_until(lambda: recorded.run("tools-1")["tally"]["calls"] == 2, "both calls are counted")


def test_streamed_tool_calls_are_put_together_as_the_package_does(
    client: openai.OpenAI, recorded: RecordedCalls
) -> None:
    with client.chat.completions.stream(
        model="default",
        messages=[WEATHER],
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "weather"}},
        extra_headers=run_of("tools-2"),
    ) as stream:
        completion = stream.get_final_completion()

    calls = functions_of(completion.choices[0].message)
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Köln"}, {}]
    assert completion.choices[0].finish_reason == "tool_calls"
    (action,) = recorded.actions("tools-2")
    assert [call["id"] for call in body_of(action, "outputs")["tool_calls"]] == [call.id for call in calls]


def test_many_at_once_are_one_action_each(titan: RunningTitan, recorded: RecordedCalls) -> None:
    async def ask_all() -> set[str]:
        url = f"http://127.0.0.1:{titan.sdk_port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            create = client.chat.completions.create
            asked = (create(model="default", messages=[SKY], extra_headers=run_of("many")) for _ in range(20))
            return {completion.id for completion in await asyncio.gather(*asked)}

    ids = asyncio.run(ask_all())

    assert {action["action"]["id"] for action in recorded.actions("many", count=20)} == ids
    # What 20 calls at once come to is added up after they are shown, at most a tenth of the time.
    wait_until(lambda: recorded.run("many")["tally"]["input_tokens"] == 100, "the tokens of all calls are added up")


def test_a_call_within_a_trace_belongs_to_its_run_below_its_span(
    client: openai.OpenAI, recorded: RecordedCalls
) -> None:
    client.chat.completions.create(
        model="default", messages=[SKY], extra_headers={"traceparent": f"00-{TRACE}-{SPAN}-01"}
    )

    (action,) = recorded.actions(TRACE)
    assert action["action"]["parent_id"] == SPAN


def test_a_call_may_name_the_action_that_it_is_made_in(client: openai.OpenAI, recorded: RecordedCalls) -> None:
    headers = {**run_of("below"), "X-Titan-Parent-Id": "plan-1", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    client.chat.completions.create(model="default", messages=[SKY], extra_headers=headers)

    (action,) = recorded.actions("below")
    assert action["action"]["parent_id"] == "plan-1"


def test_a_call_that_names_no_run_is_one_of_its_own_that_has_ended(
    client: openai.OpenAI, recorded: RecordedCalls
) -> None:
    completion = client.chat.completions.create(model="default", messages=[SKY])

    recorded.actions(completion.id)
    run = recorded.run(completion.id)
    assert (run["status"], run["status_source"], run["agent_id"], run["name"]) == (
        "completed",
        "explicit",
        "direct-calls",
        "One call of the model",
    )


def test_a_model_that_is_away_is_an_error_the_package_would_retry_and_is_recorded(
    client: openai.OpenAI, recorded: RecordedCalls
) -> None:
    away: ChatCompletionMessageParam = {"role": "user", "content": "Are you away?"}
    for is_streamed in (False, True):
        with pytest.raises(openai.InternalServerError) as failed:
            client.chat.completions.create(
                model="default", messages=[away], stream=is_streamed, extra_headers=run_of("away")
            )
        assert (failed.value.status_code, failed.value.code) == (503, "ModelUnavailable")

    actions = recorded.actions("away", count=2)
    assert [one["action"]["outcome"] for one in actions] == ["error", "error"]
    assert {one["action"]["error_type"] for one in actions} == {"ModelUnavailable"}
    assert recorded.run("away")["first_error"].startswith("ModelUnavailable: model 'scripted:answers.json'")


def test_a_broken_stream_is_an_error_and_its_output_is_stored(client: openai.OpenAI, recorded: RecordedCalls) -> None:
    breaks: ChatCompletionMessageParam = {"role": "user", "content": "It breaks."}
    stream = client.chat.completions.create(
        model="default", messages=[breaks], stream=True, extra_headers=run_of("breaks")
    )
    said = [next(stream).choices[0].delta.content for _ in range(3)]
    with pytest.raises(openai.APIError, match="an error in its script"):
        next(stream)

    (action,) = recorded.actions("breaks")
    assert said == ["", "Half", " of"]
    assert (action["action"]["outcome"], action["action"]["error_type"]) == ("error", "ModelUnavailable")
    assert body_of(action, "outputs") == {"role": "assistant", "content": "Half of"}
    assert action["action"]["output_tokens"] is None


def test_a_refusal_is_recorded_and_its_message_shown_by_the_package(
    client: openai.OpenAI, recorded: RecordedCalls
) -> None:
    with pytest.raises(openai.BadRequestError, match="expected no 'n'") as refused:
        client.chat.completions.create(model="default", messages=[SKY], n=2, extra_headers=run_of("refused"))

    assert (refused.value.code, refused.value.type) == ("NotSupported", "NotSupported")
    (action,) = recorded.actions("refused")
    assert (action["action"]["outcome"], action["action"]["error_type"]) == ("error", "NotSupported")
    assert body_of(action, "inputs")["n"] == 2
    unpriced = recorded.run("refused")["tally"]["unpriced"]
    assert (action["action"]["cost_usd"], unpriced) == ("0", 0), "no model was asked"


def test_a_call_for_a_model_that_is_not_here_is_recorded_as_one_for_it(
    client: openai.OpenAI, recorded: RecordedCalls
) -> None:
    with pytest.raises(openai.BadRequestError, match="chat request for model 'gpt-9'"):
        client.chat.completions.create(model="gpt-9", messages=[SKY], extra_headers=run_of("gpt-9"))

    (action,) = recorded.actions("gpt-9")
    assert (action["action"]["model"], action["action"]["provider"]) == ("gpt-9", None)


def test_a_refused_call_without_a_run_creates_no_failed_run(
    client: openai.OpenAI, titan: RunningTitan, recorded: RecordedCalls
) -> None:
    before = recorded.runs("direct-calls")
    refused_before = refusals(ask(titan.sdk_port, "GET", "/metrics").body.decode())
    for is_streamed in (False, True):
        with pytest.raises(openai.BadRequestError, match="expected no 'n'"):
            client.chat.completions.create(model="default", messages=[SKY], n=2, stream=is_streamed)
    completion = client.chat.completions.create(model="default", messages=[SKY])
    recorded.actions(completion.id)  # which is recorded behind them

    runs = [run["run_id"] for run in recorded.runs("direct-calls")]
    assert runs == [completion.id, *(run["run_id"] for run in before)]
    assert refusals(ask(titan.sdk_port, "GET", "/metrics").body.decode()) == refused_before + 2


def test_a_model_that_is_away_is_recorded_though_the_call_names_no_run(
    client: openai.OpenAI, recorded: RecordedCalls
) -> None:
    before = len(recorded.runs("direct-calls"))
    away: ChatCompletionMessageParam = {"role": "user", "content": "Are you away?"}
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="default", messages=[away])

    wait_until(lambda: len(recorded.runs("direct-calls")) == before + 1, "the call is recorded")
    assert recorded.runs("direct-calls")[0]["status"] == "failed"


def test_a_refused_call_within_a_trace_is_recorded_there(client: openai.OpenAI, recorded: RecordedCalls) -> None:
    trace_id = "9" * 32
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(
            model="default", messages=[SKY], n=2, extra_headers={"traceparent": f"00-{trace_id}-{SPAN}-01"}
        )

    (action,) = recorded.actions(trace_id)
    assert action["action"]["error_type"] == "NotSupported"


def test_a_run_that_cannot_be_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="header x-titan-run-id: expected 1 to 200 printable"):
        client.chat.completions.create(model="default", messages=[SKY], extra_headers=run_of("x" * 201))
