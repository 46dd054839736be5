"""The conversations in OpenInference's semantic conventions, which Phoenix reads without translating.

The history of a model call stands once, as `llm.input_messages`; `input.value` has the newest message only, while
OpenInference's own instrumentors write the history there again. So a span is about as long as in GenAI's conventions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.conversations import Conversation, ModelCall, ToolCall, spans_of

Attributes: TypeAlias = Iterator[tuple[str, str | int]]


def openinference_spans_of(conversation: Conversation) -> Iterator[Span]:
    """Yield a conversation's spans with the ids, times and status that `spans_of` gives them."""
    for span, call in zip(spans_of(conversation), (*conversation.calls, None), strict=True):
        match call:
            case ModelCall():
                attributes = _of_model(conversation, call)
            case ToolCall():
                attributes = _of_tool(conversation, call)
            case None:
                attributes = _of_agent(conversation)
        del span.attributes[:]
        span.attributes.extend(_pair(key, value) for key, value in attributes)
        yield span


def _of_model(conversation: Conversation, call: ModelCall) -> Attributes:
    yield "openinference.span.kind", "LLM"
    yield "session.id", conversation.session_id
    yield "llm.provider", conversation.provider
    yield "llm.model_name", conversation.model
    yield "llm.invocation_parameters", '{"temperature":0.2,"max_tokens":2048}'
    yield "llm.token_count.prompt", call.input_tokens
    yield "llm.token_count.completion", call.output_tokens
    yield "llm.token_count.total", call.input_tokens + call.output_tokens
    yield "input.value", _text_of(call.messages[-1])
    yield "output.value", _text_of(call.answer)
    yield from _messages("llm.input_messages", call.messages)
    yield from _messages("llm.output_messages", [call.answer])


def _of_tool(conversation: Conversation, call: ToolCall) -> Attributes:
    yield "openinference.span.kind", "TOOL"
    yield "session.id", conversation.session_id
    yield "tool.name", call.name
    yield "tool_call.id", call.id
    yield "input.value", json.dumps(call.arguments)
    yield "input.mime_type", "application/json"
    yield "output.value", call.result


def _of_agent(conversation: Conversation) -> Attributes:
    yield "openinference.span.kind", "AGENT"
    yield "session.id", conversation.session_id
    yield "agent.name", conversation.agent
    yield "input.value", conversation.question


def _messages(prefix: str, messages: Sequence[dict[str, Any]]) -> Attributes:
    for number, message in enumerate(messages):
        of_message = f"{prefix}.{number}.message"
        yield f"{of_message}.role", message["role"]
        for part in message["parts"]:
            yield from _part(of_message, part)


def _part(of_message: str, part: dict[str, Any]) -> Attributes:
    match part["type"]:
        case "text":
            yield f"{of_message}.content", part["content"]
        case "tool_call":  # one in a message, as these conversations have them
            of_call = f"{of_message}.tool_calls.0.tool_call"
            yield f"{of_call}.id", part["id"]
            yield f"{of_call}.function.name", part["name"]
            yield f"{of_call}.function.arguments", json.dumps(part["arguments"])
        case _:
            yield f"{of_message}.tool_call_id", part["id"]
            yield f"{of_message}.content", part["response"]


def _text_of(message: dict[str, Any]) -> str:
    """Return what a message says: its text, a tool's response, or the arguments that a tool is called with."""
    part = message["parts"][0]
    return str(part.get("content") or part.get("response") or json.dumps(part.get("arguments", "")))


def _pair(key: str, value: str | int) -> KeyValue:
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    return KeyValue(key=key, value=AnyValue(string_value=value))
