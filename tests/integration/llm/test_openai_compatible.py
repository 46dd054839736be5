"""The adapter for OpenAI-compatible endpoints, against one in miniature on this machine."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.conversations import a_request, streamed
from tests.support.fake_endpoint import FakeEndpoint, Reply, a_completion, a_stream, fake_endpoint
from titan.llm.addresses import EndpointAddress
from titan.llm.openai_compatible import OpenAICompatibleModel
from titan.model.errors import ModelRefused, ModelUnavailable
from titan.model.language import (
    FinishReason,
    Message,
    ModelAnswer,
    ModelDelta,
    ModelRequest,
    MustCall,
    Role,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolUse,
)

SCHEMA = {"type": "object", "properties": {"colour": {"type": "string"}}}


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with fake_endpoint() as running:
        yield running


def complete(
    endpoint: FakeEndpoint, *requests: ModelRequest, max_retries: int = 0, limit_field: str = "max_tokens"
) -> list[ModelAnswer]:
    """Ask one model of the endpoint everything in turn."""
    address = EndpointAddress(
        name="painters/painter-1",
        base_url=endpoint.url,
        model="painter-1",
        key_variables=("PAINTERS_API_KEY",),
        limit_field=limit_field,
    )

    async def ask_all() -> list[ModelAnswer]:
        model = OpenAICompatibleModel(address, key="k3y", max_retries=max_retries, timeout_seconds=10)
        try:
            return [await model.complete(request) for request in requests]
        finally:
            await model.close()

    return asyncio.run(ask_all())


def test_the_request_says_all_that_was_asked_and_nothing_else(endpoint: FakeEndpoint) -> None:
    request = ModelRequest(
        messages=(Message(role=Role.SYSTEM, content="Be brief."), Message(role=Role.USER, content="Sky?")),
        schema=SCHEMA,
        max_tokens=9,
        temperature=0.0,
        seed=4,
    )

    complete(endpoint, request)

    (asked,) = endpoint.asked
    assert (asked.path, asked.authorization) == ("/v1/chat/completions", "Bearer k3y")
    assert asked.body == {
        "model": "painter-1",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Sky?"}],
        "max_tokens": 9,
        "temperature": 0.0,
        "seed": 4,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
    }


def test_parameters_left_to_the_model_are_not_sent(endpoint: FakeEndpoint) -> None:
    complete(endpoint, a_request("Sky?"))

    assert endpoint.asked[0].body == {"model": "painter-1", "messages": [{"role": "user", "content": "Sky?"}]}


def test_the_token_limit_goes_under_the_endpoints_own_name(endpoint: FakeEndpoint) -> None:
    complete(endpoint, a_request(max_tokens=9), limit_field="max_completion_tokens")

    assert endpoint.asked[0].body["max_completion_tokens"] == 9
    assert "max_tokens" not in endpoint.asked[0].body


def test_the_answer_carries_text_model_tokens_and_time(endpoint: FakeEndpoint) -> None:
    (answer,) = complete(endpoint, a_request())

    assert (answer.text, answer.model, answer.prompt_tokens, answer.completion_tokens) == ("blue", "painter-1", 7, 1)
    assert answer.finish_reason is FinishReason.STOP
    assert answer.latency_ns > 0


@pytest.mark.parametrize(
    ("stated", "read"),
    [("length", FinishReason.LENGTH), ("content_filter", FinishReason.CONTENT_FILTER), ("eos", FinishReason.STOP)],
)
def test_why_it_stopped_is_read_in_every_endpoints_words(
    endpoint: FakeEndpoint, stated: str, read: FinishReason
) -> None:
    endpoint.replies.append(a_completion(finish_reason=stated))

    assert complete(endpoint, a_request())[0].finish_reason is read


def test_a_model_that_spent_its_tokens_thinking_said_nothing(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(a_completion(None, finish_reason="length"))

    assert complete(endpoint, a_request())[0].text == ""


def test_tokens_an_endpoint_does_not_count_are_none(endpoint: FakeEndpoint) -> None:
    body = a_completion().body
    assert isinstance(body, dict)
    endpoint.replies.append(Reply(body=body | {"usage": None}))

    (answer,) = complete(endpoint, a_request())

    assert (answer.prompt_tokens, answer.completion_tokens) == (None, None)


def test_a_schema_bound_answer_is_taken_out_of_its_fence(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(a_completion('```json\n{"colour": "blue"}\n```'))

    assert complete(endpoint, a_request(schema=SCHEMA))[0].text == '{"colour": "blue"}'


def test_a_text_keeps_its_fence(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(a_completion("```\ncode\n```"))

    assert complete(endpoint, a_request())[0].text == "```\ncode\n```"


def test_an_endpoint_that_refuses_schemas_gets_them_in_words_from_then_on(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(Reply(status=400, body={"error": {"message": "unknown field response_format"}}))

    complete(endpoint, a_request("Sky?", schema=SCHEMA), a_request("Sea?", schema=SCHEMA))

    refused, in_words, next_one = (asked.body for asked in endpoint.asked)
    assert "response_format" in refused
    assert "response_format" not in in_words
    assert in_words["messages"][0]["content"].startswith("Sky?\n\nAnswer with JSON only")
    assert '"colour"' in in_words["messages"][0]["content"]
    assert next_one["messages"][0]["content"].startswith("Sea?\n\nAnswer with JSON only")


def test_when_the_schema_was_not_the_reason_the_first_refusal_counts(endpoint: FakeEndpoint) -> None:
    for message in ("the prompt is too long", "the prompt is still too long"):
        endpoint.replies.append(Reply(status=400, body={"error": {"message": message}}))

    with pytest.raises(ModelRefused, match="HTTP 400: the prompt is too long"):
        complete(endpoint, a_request(schema=SCHEMA))


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_an_overloaded_endpoint_is_unavailable(endpoint: FakeEndpoint, status: int) -> None:
    endpoint.replies.append(Reply(status=status, body={"error": {"message": "slow down"}}))

    with pytest.raises(ModelUnavailable, match=f"HTTP {status}: slow down"):
        complete(endpoint, a_request())


def test_an_overloaded_endpoint_is_asked_again(endpoint: FakeEndpoint) -> None:
    busy = Reply(status=429, body={"error": {"message": "slow down"}}, headers={"retry-after-ms": "1"})
    endpoint.replies.extend([busy, busy])

    (answer,) = complete(endpoint, a_request(), max_retries=2)

    assert (answer.text, len(endpoint.asked)) == ("blue", 3)


@pytest.mark.parametrize(
    ("status", "body", "next_step"),
    [
        (401, {"error": {"message": "bad key"}}, "Check the key in PAINTERS_API_KEY."),
        (403, {"error": {"message": "not yours"}}, "Check the key in PAINTERS_API_KEY."),
        (404, {"error": {"message": "no such model"}}, "Check the model's name in TITAN_MODEL."),
        (429, {"error": {"message": "no credit", "code": "insufficient_quota"}}, "Add credit to the account"),
        (400, [{"error": {"message": "Gemini wraps its errors"}}], "Change the request"),
        (418, "<html>a proxy's page</html>", "Check the model's name"),
    ],
)
def test_a_request_that_will_never_be_answered_is_refused(
    endpoint: FakeEndpoint, status: int, body: object, next_step: str
) -> None:
    endpoint.replies.append(Reply(status=status, body=body))

    with pytest.raises(ModelRefused) as refused:
        complete(endpoint, a_request())

    assert refused.value.next_step.startswith(next_step)
    assert "k3y" not in str(refused.value)


@pytest.mark.parametrize("body", [{"hello": "world"}, {"choices": []}, "<html>not an API</html>"])
def test_an_answer_that_is_no_chat_completion_is_refused_with_the_address(endpoint: FakeEndpoint, body: object) -> None:
    endpoint.replies.append(Reply(body=body))

    with pytest.raises(ModelRefused) as refused:
        complete(endpoint, a_request())

    assert endpoint.url in refused.value.next_step


def test_a_models_own_refusal_is_one(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(a_completion(message={"role": "assistant", "content": None, "refusal": "I may not."}))

    with pytest.raises(ModelRefused, match=r"a refusal: I may not\."):
        complete(endpoint, a_request())


def test_an_address_where_nobody_listens_is_unavailable(endpoint: FakeEndpoint) -> None:
    endpoint.stop()

    with pytest.raises(ModelUnavailable, match=f"an answer of {endpoint.url}"):
        complete(endpoint, a_request())


def stream(endpoint: FakeEndpoint, request: ModelRequest) -> list[ModelDelta | ModelAnswer]:
    """Return all that the model of the endpoint streams."""
    address = EndpointAddress(name="painters/painter-1", base_url=endpoint.url, model="painter-1")
    return streamed(OpenAICompatibleModel(address, key="k3y", max_retries=0, timeout_seconds=10), request)


LOOK = Tool(name="look", description="Looks.", parameters={"type": "object"}, is_strict=True)
CALL = ToolCall(id="call_1", name="look", arguments="{}")


def a_piece(index: int | None, call_id: str | None, name: str | None, arguments: str) -> dict[str, object]:
    """Return the delta of a tool call."""
    return {"tool_calls": [{"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}]}


def test_tools_their_calls_and_results_are_passed_on(endpoint: FakeEndpoint) -> None:
    messages = (
        Message(role=Role.ASSISTANT, content="", tool_calls=(CALL,)),
        Message(role=Role.TOOL, content="blue", tool_call_id="call_1"),
    )
    bare = ModelRequest(messages=messages, tools=(LOOK, Tool(name="listen")), has_parallel_calls=False)
    complete(endpoint, bare, replace(bare, tool_choice=ToolUse.AUTO), replace(bare, tool_choice=MustCall(name="look")))

    without, auto, named = (asked.body for asked in endpoint.asked)
    assert without == {
        "model": "painter-1",
        "messages": [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
            },
            {"role": "tool", "content": "blue", "tool_call_id": "call_1"},
        ],
        "parallel_tool_calls": False,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "description": "Looks.",
                    "parameters": {"type": "object"},
                    "strict": True,
                },
            },
            {"type": "function", "function": {"name": "listen"}},
        ],
    }
    assert auto["tool_choice"] == "auto"
    assert named["tool_choice"] == {"type": "function", "function": {"name": "look"}}


def test_tool_calls_are_read_with_any_finish_reason(endpoint: FakeEndpoint) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    endpoint.replies.append(a_completion(message={"role": "assistant", "content": None, "tool_calls": [call]}))

    (answer,) = complete(endpoint, a_request())

    assert (answer.text, answer.tool_calls, answer.finish_reason) == ("", (CALL,), FinishReason.TOOL_CALLS)


def test_tokens_of_caches_and_reasoning_are_read(endpoint: FakeEndpoint) -> None:
    body = a_completion().body
    assert isinstance(body, dict)
    details = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 1}}
    endpoint.replies.append(Reply(body=body | {"usage": body["usage"] | details}))

    (answer,) = complete(endpoint, a_request())

    assert (answer.cache_read_tokens, answer.cache_write_tokens, answer.reasoning_tokens) == (4, None, 1)


def test_a_stream_is_passed_on_as_it_comes(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(a_stream({"role": "assistant", "content": ""}, {"content": "bl"}, {"content": "ue"}))

    *said, answer = stream(endpoint, a_request())

    assert said == [TextDelta(text="bl"), TextDelta(text="ue")]
    assert isinstance(answer, ModelAnswer)
    assert (answer.text, answer.model, answer.prompt_tokens, answer.completion_tokens) == ("blue", "painter-1", 7, 2)
    assert (endpoint.asked[0].body["stream"], endpoint.asked[0].body["stream_options"]) == (
        True,
        {"include_usage": True},
    )


def test_streamed_tool_calls_are_put_together(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(
        a_stream(
            a_piece(0, "call_1", "look", ""),
            a_piece(0, None, None, "{"),
            a_piece(0, None, None, "}"),
            a_piece(1, "call_2", "look", "{}"),
            finish_reason="tool_calls",
        )
    )

    *said, answer = stream(endpoint, a_request())

    assert said[0] == ToolCallDelta(index=0, id="call_1", name="look", arguments="")
    assert said[1:3] == [ToolCallDelta(index=0, arguments="{"), ToolCallDelta(index=0, arguments="}")]
    assert isinstance(answer, ModelAnswer)
    assert answer.tool_calls == (CALL, replace(CALL, id="call_2"))


def test_streamed_tool_calls_without_numbers_or_ids_are_kept_apart(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(
        a_stream(
            a_piece(0, "a", "look", "{}"),
            a_piece(0, "b", "look", "{}"),
            a_piece(None, "", "look", "{}"),
            a_piece(None, "", "look", "{}"),
        )
    )

    *said, answer = stream(endpoint, a_request())

    assert isinstance(answer, ModelAnswer)
    assert [piece.index for piece in said if isinstance(piece, ToolCallDelta)] == [0, 1, 2, 3]
    assert len({call.id for call in answer.tool_calls}) == 4
    assert all(call.id for call in answer.tool_calls)


def test_an_endpoint_that_does_not_stream_is_asked_for_the_whole(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(Reply(status=400, body={"error": {"message": "unknown field stream_options"}}))

    said, answer = stream(endpoint, a_request())

    assert said == TextDelta(text="blue")
    assert isinstance(answer, ModelAnswer)
    assert [asked.body.get("stream") for asked in endpoint.asked] == [True, None]


def test_a_stream_that_breaks_off_is_unavailable(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(a_stream({"content": "bl"}, finish_reason=None))

    with pytest.raises(ModelUnavailable, match="found its end after 2 characters"):
        stream(endpoint, a_request())


@pytest.mark.parametrize(
    ("body", "error", "found"),
    [
        ("", ModelRefused, "an empty stream"),
        ("data: no JSON\n\n", ModelRefused, "no choices"),
        ('data: {"error": {"message": "out of memory"}}\n\n', ModelUnavailable, "out of memory"),
        ("<html>not an API</html>", ModelRefused, "an empty stream"),
    ],
)
def test_an_answer_that_is_no_stream_of_chunks_is_an_error(
    endpoint: FakeEndpoint, body: str, error: type[Exception], found: str
) -> None:
    endpoint.replies.append(Reply(body=body, headers={"Content-Type": "text/event-stream"}))

    with pytest.raises(error, match=found):
        stream(endpoint, a_request())


def test_a_refusal_in_a_stream_is_one(endpoint: FakeEndpoint) -> None:
    endpoint.replies.append(a_stream({"refusal": "I may "}, {"refusal": "not."}))

    with pytest.raises(ModelRefused, match=r"a refusal: I may not\."):
        stream(endpoint, a_request())
