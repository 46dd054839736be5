"""OpenAI's request for a chat completion, read into our words."""

import json

import pytest

from titan.model.errors import InvalidInput, NotSupported
from titan.model.language import Message, ModelRequest, MustCall, Role, Tool, ToolCall, ToolChoice, ToolUse
from titan.server.chat_completions import ChatAsked, parse_chat

SKY = {"role": "user", "content": "Which colour has the sky?"}
LOOK = {"type": "function", "function": {"name": "look"}}
LISTEN = {"type": "function", "function": {"name": "listen"}}


def asked(**fields: object) -> ChatAsked:
    """Return what a body of these fields asks, and how."""
    return parse_chat(json.dumps({"messages": [SKY], **fields}).encode(), model_name="gemini/gemini-2.5-flash")


def parsed(**fields: object) -> ModelRequest:
    """Return what a body of these fields asks."""
    return asked(**fields).request


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
        ("n", 2),
        ("functions", [{"name": "f"}]),
        ("top_p", 0.5),
        ("stop", ["\n"]),
        ("logprobs", True),
        ("reasoning_effort", "high"),
        ("modalities", ["text", "audio"]),
    ],
)
def test_an_unsupported_parameter_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(NotSupported) as refused:
        parsed(**{name: value})

    assert f"no '{name}'" in refused.value.expected


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
        (b'{"messages": [{"role": "function", "content": "42"}]}', "Invalid enum value 'function'"),
        (b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}', "Invalid enum value 'image_url'"),
        (b'{"messages": [{"role": "user"}], "tools": [{"type": "custom"}]}', "Invalid enum value 'custom'"),
        (b'{"messages": [{"role": "user"}], "tools": [{"type": "function"}]}', "missing required field `function`"),
        (b'{"messages": [{"role": "user"}], "tool_choice": {"type": "allowed_tools"}}', "Invalid enum value"),
        (b'{"messages": [{"role": "user"}], "response_format": {"type": "json_schema"}}', "`json_schema`"),
        (b'{"a": ' + b"[" * 100_000, "recursion"),
    ],
)
def test_an_invalid_body_is_refused_with_its_error(body: bytes, found: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_chat(body, model_name="m")

    assert found in refused.value.found


def test_tools_their_calls_and_results_are_read() -> None:
    schema = {"type": "object", "properties": {"at": {"type": "string"}}}
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    function = {"name": "look", "description": "Looks.", "parameters": schema, "strict": True}

    request = parsed(
        messages=[
            SKY,
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "blue"}]},
        ],
        tools=[{"type": "function", "function": function}],
        parallel_tool_calls=False,
    )

    assert request.messages[1:] == (
        Message(role=Role.ASSISTANT, content="", tool_calls=(ToolCall(id="call_1", name="look", arguments="{}"),)),
        Message(role=Role.TOOL, content="blue", tool_call_id="call_1"),
    )
    assert request.tools == (Tool(name="look", description="Looks.", parameters=schema, is_strict=True),)
    assert (request.tool_choice, request.has_parallel_calls) == (None, False)


@pytest.mark.parametrize(
    ("stated", "choice"),
    [
        ("none", ToolUse.NONE),
        ("auto", ToolUse.AUTO),
        ("required", ToolUse.REQUIRED),
        (LISTEN, MustCall(name="listen")),
    ],
)
def test_which_tools_are_to_be_called_is_read(stated: object, choice: ToolChoice) -> None:
    assert parsed(tools=[LOOK, LISTEN], tool_choice=stated).tool_choice == choice


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"tool_choice": "required"}, "tools, for one of them is to be called"),
        ({"tools": [LOOK], "tool_choice": LISTEN}, "the name of one of its tools"),
        ({"messages": [SKY, {"role": "tool", "content": "blue"}]}, "tool_call_id"),
    ],
)
def test_tools_that_do_not_fit_each_other_are_refused(fields: dict[str, object], expected: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed(**fields)

    assert expected in refused.value.expected


def test_a_stream_is_asked_for_with_its_tokens_or_without() -> None:
    assert not asked().is_streamed
    assert asked(stream=True) == ChatAsked(request=parsed(), is_streamed=True, has_usage=False)
    assert asked(stream=True, stream_options={"include_usage": True, "include_obfuscation": False}).has_usage
