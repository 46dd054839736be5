"""Requests to language models and their answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Role(StrEnum):
    """Who speaks in a conversation."""

    SYSTEM = "system"  #: sets the rules for all that follows
    USER = "user"  #: asks
    ASSISTANT = "assistant"  #: the model itself, earlier in the conversation
    TOOL = "tool"  #: what a tool gave that the model had called


class FinishReason(StrEnum):
    """Why a model stopped."""

    STOP = "stop"  #: it was done
    TOOL_CALLS = "tool_calls"  #: it wants tools called, and their results
    LENGTH = "length"  #: the token limit cut it off; a schema-bound text is then incomplete JSON
    CONTENT_FILTER = "content_filter"  #: its provider withheld the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's wish to have a tool called."""

    id: str  #: by which the message with the result names it
    name: str
    arguments: str  #: JSON as the model wrote it; a weak model's may be broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One contribution to a conversation."""

    role: Role
    content: str  #: empty where the assistant only called tools
    tool_calls: tuple[ToolCall, ...] = ()  #: of an assistant
    tool_call_id: str | None = None  #: of a tool: the call that this is the result of


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may ask to have called."""

    name: str
    description: str | None = None
    parameters: Mapping[str, object] | None = None  #: JSON Schema of its arguments; None: it takes none
    is_strict: bool | None = None  #: whether the arguments have to fit the schema exactly


class ToolUse(StrEnum):
    """Whether a model is to call tools."""

    NONE = "none"  #: it must not
    AUTO = "auto"  #: as it likes
    REQUIRED = "required"  #: it must, whichever


@dataclass(frozen=True, slots=True, kw_only=True)
class MustCall:
    """The model must call this one tool."""

    name: str


ToolChoice: TypeAlias = ToolUse | MustCall


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One question to a model. Where a field is None, the model's own default holds."""

    messages: tuple[Message, ...]  #: oldest first, never empty
    schema: Mapping[str, object] | None = None  #: JSON Schema that the answer's text is to fit
    max_tokens: int | None = None  #: most tokens of the answer
    temperature: float | None = None  #: 0 asks for the likeliest answer, the same each time
    seed: int | None = None  #: makes sampling repeatable where the model can
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    has_parallel_calls: bool | None = None  #: whether one answer may call several tools


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """A model's answer, with its token counts and latency."""

    text: str  #: empty when it only called tools, or spent all its tokens before it said anything
    model: str  #: the name under which the endpoint says it answered
    prompt_tokens: int | None  #: None where the endpoint does not say
    completion_tokens: int | None  #: what the model spent on thinking included
    latency_ns: int  #: from sending the request to the whole answer, waiting in a queue of ours left out
    finish_reason: FinishReason
    tool_calls: tuple[ToolCall, ...] = ()
    cache_read_tokens: int | None = None  #: of `prompt_tokens`; None here and below: the endpoint does not say
    cache_write_tokens: int | None = None  #: of `prompt_tokens`
    reasoning_tokens: int | None = None  #: of `completion_tokens`


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """The next piece of an answer's text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """The next piece of a tool call."""

    index: int  #: of the call among those of the answer, from 0
    arguments: str  #: the next piece of their JSON
    id: str | None = None  #: with the first piece of a call
    name: str | None = None  #: with the first piece of a call


ModelDelta: TypeAlias = TextDelta | ToolCallDelta


def deltas_of(answer: ModelAnswer) -> tuple[ModelDelta, ...]:
    """Return a whole answer as deltas: each thing in one piece."""
    said = (TextDelta(text=answer.text),) if answer.text else ()
    called = (
        ToolCallDelta(index=index, id=call.id, name=call.name, arguments=call.arguments)
        for index, call in enumerate(answer.tool_calls)
    )
    return (*said, *called)
