"""What a model answers, in OpenAI's words."""

import json
from dataclasses import replace
from typing import Any

import pytest

from titan.llm.scripted import ScriptedModel
from titan.model.errors import (
    InvalidInput,
    ModelNotConfigured,
    ModelRefused,
    ModelUnavailable,
    NotSupported,
    TitanError,
)
from titan.model.language import FinishReason, ModelAnswer, TextDelta, ToolCall, ToolCallDelta
from titan.server.chat_completions import Chunks, answer_json, error_event, error_json, error_status, usage_json
from titan.server.routes.models import models_json

ANSWER = ModelAnswer(
    text="blue",
    model="painter-1",
    prompt_tokens=7,
    completion_tokens=2,
    latency_ns=5_000_000,
    finish_reason=FinishReason.LENGTH,
)
CALL = ToolCall(id="call_1", name="look", arguments='{"at": "sky"}')
CHUNKS = Chunks(completion_id="chatcmpl-1", created=1_700_000_000, model="m", has_usage=False)


def events(content: bytes) -> list[Any]:
    """Return what server-sent events say."""
    data = [event.removeprefix("data: ") for event in content.decode().split("\n\n") if event]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


def test_the_answer_is_a_chat_completion() -> None:
    assert answer_json(ANSWER, completion_id="chatcmpl-1", created=1_700_000_000) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "painter-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "blue", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
        "titan": {"latency_ns": 5_000_000},
    }


def test_an_answer_that_only_calls_tools_has_no_content() -> None:
    answer = replace(ANSWER, text="", tool_calls=(CALL,), finish_reason=FinishReason.TOOL_CALLS)

    (choice,) = json.loads(json.dumps(answer_json(answer, completion_id="chatcmpl-1", created=1)))["choices"]

    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}}
        ],
        "refusal": None,
    }
    assert choice["finish_reason"] == "tool_calls"


def test_cached_and_reasoning_tokens_are_given_if_known() -> None:
    answer = replace(ANSWER, cache_read_tokens=4, reasoning_tokens=1)

    assert usage_json(answer) == {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "total_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    assert usage_json(replace(ANSWER, prompt_tokens=None)) is None


def test_a_stream_is_chunks_that_end_with_done() -> None:
    first = TextDelta(text="blue")

    said = events(CHUNKS.first(first) + CHUNKS.delta(first) + CHUNKS.end(ANSWER))

    shared = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"}
    choice = {"index": 0, "logprobs": None, "finish_reason": None}
    assert said == [
        {**shared, "choices": [{**choice, "delta": {"role": "assistant", "content": ""}}]},
        {**shared, "choices": [{**choice, "delta": {"content": "blue"}}]},
        {**shared, "choices": [{**choice, "delta": {}, "finish_reason": "length"}]},
        "[DONE]",
    ]


def test_a_stream_with_usage_has_the_field_in_every_chunk() -> None:
    chunks = replace(CHUNKS, has_usage=True)

    first, end, usage, done = events(chunks.first(ANSWER) + chunks.end(ANSWER))

    assert (first["usage"], end["usage"]) == (None, None)
    assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 9, "[DONE]")
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": None}


def test_tool_calls_of_a_stream_come_in_pieces() -> None:
    begun = ToolCallDelta(index=1, id="call_2", name="look", arguments="")
    said = events(CHUNKS.delta(begun) + CHUNKS.delta(ToolCallDelta(index=1, arguments="{}")))

    assert [chunk["choices"][0]["delta"]["tool_calls"] for chunk in said] == [
        [{"index": 1, "id": "call_2", "type": "function", "function": {"name": "look", "arguments": ""}}],
        [{"index": 1, "function": {"arguments": "{}"}}],
    ]


@pytest.mark.parametrize(
    ("kind", "status"),
    [(ModelNotConfigured, 503), (ModelRefused, 502), (ModelUnavailable, 503), (NotSupported, 400), (InvalidInput, 400)],
)
def test_an_error_reads_as_openais_and_as_ours(kind: type[TitanError], status: int) -> None:
    error = kind("model 'm'", expected="an answer", found="none", next_step="Ask again.")

    told = error_json(error)["error"]

    assert isinstance(told, dict)
    assert (error_status(error), told["type"], told["code"]) == (status, kind.__name__, kind.__name__)
    assert told["message"].startswith("model 'm': expected an answer; found none.")
    assert (told["subject"], told["next_step"]) == ("model 'm'", "Ask again.")
    assert events(error_event(error)) == [{"error": told}]


def test_the_models_are_the_one_there_is() -> None:
    one = {"id": "scripted:x", "object": "model", "created": 0, "owned_by": "titan"}

    assert models_json(ScriptedModel([], name="scripted:x")) == {"object": "list", "data": [one]}
    assert models_json(None) == {"object": "list", "data": []}
