"""What is said to a language model, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who speaks in a conversation."""

    SYSTEM = "system"  #: sets the rules for all that follows
    USER = "user"  #: asks
    ASSISTANT = "assistant"  #: the model itself, earlier in the conversation


class FinishReason(StrEnum):
    """Why a model stopped."""

    STOP = "stop"  #: it was done
    LENGTH = "length"  #: the token limit cut it off; a schema-bound text is then incomplete JSON
    CONTENT_FILTER = "content_filter"  #: its provider withheld the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One contribution to a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One question to a model. Where a field is None, the model's own default holds."""

    messages: tuple[Message, ...]  #: oldest first, never empty
    schema: Mapping[str, object] | None = None  #: JSON Schema that the answer's text is to fit
    max_tokens: int | None = None  #: most tokens of the answer
    temperature: float | None = None  #: 0 asks for the likeliest answer, the same each time
    seed: int | None = None  #: makes sampling repeatable where the model can


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """What a model said, and what saying it took."""

    text: str  #: empty when the model spent all its tokens before it said anything
    model: str  #: the name under which the endpoint says it answered
    prompt_tokens: int | None  #: None where the endpoint does not say
    completion_tokens: int | None  #: what the model spent on thinking included
    latency_ns: int  #: from sending the request to the whole answer, waiting in a queue of ours left out
    finish_reason: FinishReason
