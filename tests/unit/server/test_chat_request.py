"""OpenAI's chat completions, translated to our words and back."""

import asyncio
import json
from typing import Any

import pytest

from titan.llm.scripted import ScriptedAnswer, ScriptedModel
from titan.model.errors import InvalidInput, ModelUnavailable, NotSupported
from titan.model.language import FinishReason, Message, ModelAnswer, ModelRequest, Role
from titan.server.model_endpoint import answer_json, chat, models_json, parse_chat

SKY = {"role": "user", "content": "Which colour has the sky?"}


def parsed(**fields: object) -> ModelRequest:
    """Return what a body of these fields asks."""
    return parse_chat(json.dumps({"messages": [SKY], **fields}).encode(), model_name="gemini/gemini-2.5-flash")


def chatted(asked: ScriptedModel | None, **fields: object) -> tuple[int, Any]:
    """Return status and decoded body of the answer to these fields."""
    body = json.dumps({"messages": [SKY], **fields}).encode()
    status, answer = asyncio.run(chat(body, asked))
    return status, json.loads(answer)


def test_messages_are_all_that_a_request_needs() -> None:
    assert parsed() == ModelRequest(messages=(Message(role=Role.USER, content="Which colour has the sky?"),))


def test_everything_that_is_honoured_is_read() -> None:
    schema = {"type": "object", "properties": {"colour": {"type": "string"}}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "assistant", "content": None, "refusal": None},
        {"role": "user", "content": [{"type": "text", "text": "Which colour "}, {"type": "text", "text": "has it?"}]},
    ]

    request = parsed(
        messages=messages,
        model="gemini/gemini-2.5-flash",
        max_tokens=5,
        temperature=0,
        seed=-3,
        response_format={"type": "json_schema", "json_schema": {"name": "colour", "strict": True, "schema": schema}},
    )

    assert request == ModelRequest(
        messages=(
            Message(role=Role.SYSTEM, content="Be brief."),
            Message(role=Role.ASSISTANT, content=""),
            Message(role=Role.USER, content="Which colour has it?"),
        ),
        schema=schema,
        max_tokens=5,
        temperature=0.0,
        seed=-3,
    )


def test_the_newer_name_of_the_token_limit_wins() -> None:
    assert parsed(max_tokens=5, max_completion_tokens=7).max_tokens == 7


def test_a_json_object_is_a_schema_and_a_text_is_none() -> None:
    assert parsed(response_format={"type": "json_object"}).schema == {"type": "object"}
    assert parsed(response_format={"type": "text"}).schema is None


@pytest.mark.parametrize("name", ["", "default", "titan", "gemini/gemini-2.5-flash", None])
def test_the_model_may_be_called_by_its_name_or_left_out(name: str | None) -> None:
    assert parsed(model=name).messages


def test_another_model_is_refused_rather_than_replaced_in_silence() -> None:
    with pytest.raises(InvalidInput, match=r"model 'gpt-4o': expected the model of this server, 'gemini/"):
        parsed(model="gpt-4o")


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1},
        {"stream": False, "stream_options": None},
        {"tools": [], "tool_choice": "none", "parallel_tool_calls": True},
        {"top_p": 1, "frequency_penalty": 0, "presence_penalty": 0.0, "logprobs": False, "stop": None},
        {"user": "me", "metadata": {"run": "7"}, "store": False},
    ],
)
def test_fields_that_ask_for_nothing_are_fine(fields: dict[str, object]) -> None:
    assert parsed(**fields) == parsed()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stream", True),
        ("n", 2),
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("top_p", 0.5),
        ("stop", ["\n"]),
        ("logprobs", True),
        ("reasoning_effort", "high"),
        ("modalities", ["text", "audio"]),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(NotSupported) as refused:
        parsed(**{name: value})

    assert f"no '{name}'" in refused.value.expected


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({"role": "tool", "content": "42", "tool_call_id": "1"}, "'tool'"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}, "'image_url'"),
    ],
)
def test_messages_of_other_kinds_are_refused(message: object, found: str) -> None:
    with pytest.raises(NotSupported) as refused:
        parsed(messages=[SKY, message])

    assert (refused.value.subject, refused.value.found) == ("message 2 of the chat request", found)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"messages": []}', "length >= 1"),
        (b'{"messages": "hello"}', "Expected `array`"),
        (b'{"messages": [{"content": "x"}]}', "missing required field `role`"),
        (b'{"messages": [{"role": "user", "content": 7}]}', "Expected `str | array | null`"),
        (b'{"messages": [{"role": "user", "content": "\xff"}]}', "utf-8"),
        (b'{"messages": [{"role": "user", "content": "x"}], "temprature": 1}', "unknown field `temprature`"),
        (b'{"messages": [{"role": "user", "content": "x"}], "temperature": 3}', "<= 2"),
        (b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}', ">= 1"),
        (b'{"a": ' + b"[" * 100_000, "recursion"),
    ],
)
def test_a_body_of_another_form_is_refused_and_says_what_is_wrong(body: bytes, found: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_chat(body, model_name="m")

    assert found in refused.value.found


def test_a_schema_form_without_a_schema_is_refused() -> None:
    with pytest.raises(InvalidInput, match="expected json_schema with a schema in it"):
        parsed(response_format={"type": "json_schema"})


def test_the_answer_is_a_chat_completion() -> None:
    answer = ModelAnswer(
        text="blue",
        model="painter-1",
        prompt_tokens=7,
        completion_tokens=2,
        latency_ns=5_000_000,
        finish_reason=FinishReason.LENGTH,
    )

    assert answer_json(answer, completion_id="chatcmpl-1", created=1_700_000_000) == {
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


def test_a_request_is_answered() -> None:
    status, answer = chatted(ScriptedModel([ScriptedAnswer(text="blue")]), model="default")

    assert status == 200
    assert answer["choices"][0]["message"]["content"] == "blue"
    assert answer["id"].startswith("chatcmpl-")


@pytest.mark.parametrize(
    ("model", "fields", "status", "kind"),
    [
        (None, {}, 503, "ModelNotConfigured"),
        (ScriptedModel([]), {}, 502, "ModelRefused"),
        (ScriptedModel([ScriptedAnswer(error=ModelUnavailable)]), {}, 503, "ModelUnavailable"),
        (ScriptedModel([]), {"stream": True}, 400, "NotSupported"),
        (ScriptedModel([]), {"messages": []}, 400, "InvalidInput"),
    ],
)
def test_an_error_reads_as_openais_and_as_ours(
    model: ScriptedModel | None, fields: dict[str, object], status: int, kind: str
) -> None:
    found_status, answer = chatted(model, **fields)

    error = answer["error"]
    assert (found_status, error["type"], error["code"]) == (status, kind, kind)
    assert error["message"].startswith(f"{error['subject']}: expected {error['expected']}; found {error['found']}.")


def test_the_models_are_the_one_there_is() -> None:
    one = {"id": "scripted:x", "object": "model", "created": 0, "owned_by": "titan"}

    assert models_json(ScriptedModel([], name="scripted:x")) == {"object": "list", "data": [one]}
    assert models_json(None) == {"object": "list", "data": []}
