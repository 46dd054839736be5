"""OpenAI's chat completions: read requests, write answers, stream chunks and errors.

Arguments that this version cannot honour (several choices, images …) are refused by name; a value that asks for
nothing, such as `n: 1`, is accepted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from titan.ingest.chat import message_json
from titan.model.errors import (
    Forbidden,
    InvalidInput,
    ModelNotConfigured,
    ModelRefused,
    ModelUnavailable,
    NotSupported,
    TitanError,
)
from titan.model.expectations import expected_of
from titan.model.language import (
    Message,
    ModelAnswer,
    ModelDelta,
    ModelRequest,
    MustCall,
    Role,
    TextDelta,
    Tool,
    ToolCall,
    ToolChoice,
    ToolUse,
)
from titan.server.http.responses import problem_of

#: Names of the configured model, so that job scripts need not know it.
DEFAULT_NAMES: Final = frozenset({"", "default", "titan"})
MAX_MESSAGES: Final = 1000  # a conversation that long is over every model's context
MAX_TOOLS: Final = 128  # as OpenAI's own limit

#: Fields that do not affect the answer.
_NOTES: Final = frozenset({"user", "metadata", "safety_identifier", "prompt_cache_key"})
#: Fields this version does not honour, with the values that ask for nothing.
_UNSUPPORTED: Final[Mapping[str, tuple[object, ...]]] = {
    "audio": (),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "prediction": (),
    "presence_penalty": (0,),
    "reasoning_effort": (),
    "service_tier": ("auto", "default"),
    "stop": ([],),
    "store": (False,),
    "top_logprobs": (0,),
    "top_p": (1,),
    "verbosity": (),
    "web_search_options": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAsked:
    """A chat request, and the form of answer it asks for."""

    request: ModelRequest
    is_streamed: bool = False
    has_usage: bool = False  #: whether a stream ends with the token counts


class PartBody(Struct, frozen=True, kw_only=True):
    """A piece of a message."""

    type: Literal["text"]
    text: str


class CalledBody(Struct, frozen=True, kw_only=True):
    """The function of a tool call."""

    name: str
    arguments: str = ""


class CallBody(Struct, frozen=True, kw_only=True):
    """A tool call that the assistant made earlier."""

    id: str
    function: CalledBody
    type: Literal["function"] = "function"


class MessageBody(Struct, frozen=True, kw_only=True):
    """A message; `name` and the like are notes to the model's provider and ignored."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[PartBody] | None = None
    tool_calls: list[CallBody] | None = None
    tool_call_id: str | None = None


class FunctionBody(Struct, frozen=True, kw_only=True):
    """A function that the model may ask to have called."""

    name: Annotated[str, Meta(min_length=1)]
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: bool | None = None


class ToolBody(Struct, frozen=True, kw_only=True):
    """A tool that the model is offered."""

    type: Literal["function"]
    function: FunctionBody


class ChoiceBody(Struct, frozen=True, kw_only=True):
    """The one function that the model must call."""

    type: Literal["function"]
    function: CalledBody


class StreamBody(Struct, frozen=True, kw_only=True):
    """Options of a stream."""

    include_usage: bool | None = None


class TextForm(Struct, frozen=True, tag_field="type", tag="text"):
    """The answer is a text."""


class ObjectForm(Struct, frozen=True, tag_field="type", tag="json_object"):
    """The answer is a JSON object."""


class SchemaBody(Struct, frozen=True, kw_only=True):
    """A JSON Schema with OpenAI's notes around it."""

    schema: dict[str, object]


class SchemaForm(Struct, frozen=True, tag_field="type", tag="json_schema"):
    """The answer is JSON of a schema."""

    json_schema: SchemaBody


class ChatBody(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The fields of OpenAI's request that this version honours."""

    messages: Annotated[list[MessageBody], Meta(min_length=1, max_length=MAX_MESSAGES)]
    model: str = ""
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    seed: int | None = None
    response_format: TextForm | ObjectForm | SchemaForm | None = None
    tools: Annotated[list[ToolBody], Meta(max_length=MAX_TOOLS)] = []
    tool_choice: ToolUse | ChoiceBody | None = None
    parallel_tool_calls: bool | None = None
    stream: bool = False
    stream_options: StreamBody | None = None


def parse_chat(body: bytes, *, model_name: str) -> ChatAsked:
    """Return the chat request in `body`; `model_name` is the model that will answer.

    Raises:
        InvalidInput: it is not a chat request, or asks for another model.
        NotSupported: it asks for something this version cannot do.
    """
    chat_body = _decode(body)
    if chat_body.model not in DEFAULT_NAMES | {model_name}:
        raise InvalidInput(
            f"chat request for model {chat_body.model!r}",
            expected=f"the model of this server, {model_name!r}, or 'default'",
            found="another",
            next_step="Leave the model out, or start Titan with TITAN_MODEL set to the one you want.",
        )
    tools = tuple(
        Tool(name=one.name, description=one.description, parameters=one.parameters, is_strict=one.strict)
        for one in (tool.function for tool in chat_body.tools)
    )
    request = ModelRequest(
        messages=tuple(_message(number, part) for number, part in enumerate(chat_body.messages, start=1)),
        schema=_schema(chat_body.response_format),
        max_tokens=chat_body.max_completion_tokens or chat_body.max_tokens,
        temperature=chat_body.temperature,
        seed=chat_body.seed,
        tools=tools,
        tool_choice=_choice(chat_body.tool_choice, tools),
        has_parallel_calls=chat_body.parallel_tool_calls if tools else None,
    )
    options = chat_body.stream_options
    return ChatAsked(
        request=request, is_streamed=chat_body.stream, has_usage=options is not None and bool(options.include_usage)
    )


def _decode(body: bytes) -> ChatBody:
    try:
        fields = msgspec.json.decode(body, type=dict[str, object])
        asked = {name: value for name, value in fields.items() if value is not None and name not in _NOTES}
        _refuse_unsupported(asked)
        honoured = {name: value for name, value in asked.items() if name not in _UNSUPPORTED}
        return msgspec.convert(honoured, ChatBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            "chat request",
            expected=expected_of(ChatBody, error, otherwise="a JSON body in the form of OpenAI's chat completions"),
            found=str(error),
            next_step="Correct the body; `messages` is the only required field.",
        ) from error


def _refuse_unsupported(fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        if name in _UNSUPPORTED and value not in _UNSUPPORTED[name]:
            raise NotSupported(
                "chat request",
                expected=f"no {name!r}, which this version of Titan cannot do",
                found=f"{name} = {str(value)[:100]}",
                next_step="Leave it out.",
            )


def _message(number: int, body: MessageBody) -> Message:
    role = Role.SYSTEM if body.role == "developer" else Role(body.role)
    if role is Role.TOOL and not body.tool_call_id:
        raise InvalidInput(
            f"message {number} of the chat request",
            expected="tool_call_id, the id of the tool call that it answers",
            found="none",
            next_step="Take it from the assistant's message that called the tool.",
        )
    content = body.content or ""
    return Message(
        role=role,
        content=content if isinstance(content, str) else "".join(part.text for part in content),
        tool_calls=tuple(
            ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
            for call in (body.tool_calls or () if role is Role.ASSISTANT else ())
        ),
        tool_call_id=body.tool_call_id if role is Role.TOOL else None,
    )


def _choice(stated: ToolUse | ChoiceBody | None, tools: Sequence[Tool]) -> ToolChoice | None:
    if isinstance(stated, ChoiceBody) and all(tool.name != stated.function.name for tool in tools):
        raise InvalidInput(
            "tool_choice of the chat request",
            expected="the name of one of its tools",
            found=repr(stated.function.name),
            next_step="Correct the name, or send the tool.",
        )
    if stated is ToolUse.REQUIRED and not tools:
        raise InvalidInput(
            "tool_choice of the chat request",
            expected="tools, for one of them is to be called",
            found="none",
            next_step="Send tools, or leave tool_choice out.",
        )
    if isinstance(stated, ChoiceBody):
        return MustCall(name=stated.function.name)
    return stated if tools else None


def _schema(form: TextForm | ObjectForm | SchemaForm | None) -> dict[str, object] | None:
    match form:
        case SchemaForm():
            return form.json_schema.schema
        case ObjectForm():
            return {"type": "object"}
        case _:
            return None


DONE: Final = b"data: [DONE]\n\n"

_STATUSES: Final[Mapping[type[TitanError], int]] = {
    InvalidInput: 400,
    Forbidden: 403,
    NotSupported: 400,
    ModelRefused: 502,
    ModelNotConfigured: 503,
    ModelUnavailable: 503,
}


def answer_json(answer: ModelAnswer, *, completion_id: str, created: int) -> dict[str, object]:
    """Return OpenAI's `chat.completion`, `created` in Unix seconds; Titan's own fields are under `titan`."""
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": answer.model,
        "choices": [
            {
                "index": 0,
                "message": message_json(answer.text, answer.tool_calls) | {"refusal": None},
                "logprobs": None,
                "finish_reason": answer.finish_reason.value,
            }
        ],
        "usage": usage_json(answer),
        "titan": {"latency_ns": answer.latency_ns},
    }


def usage_json(answer: ModelAnswer) -> dict[str, object] | None:
    """Return the token counts; None when they are unknown."""
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    if prompt is None or completion is None:
        return None
    usage: dict[str, object] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    of_prompt = {"cached_tokens": answer.cache_read_tokens, "cache_write_tokens": answer.cache_write_tokens}
    known = {name: count for name, count in of_prompt.items() if count is not None}
    if known:
        usage["prompt_tokens_details"] = known
    if answer.reasoning_tokens is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": answer.reasoning_tokens}
    return usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """Writes the `chat.completion.chunk`s of one stream, as server-sent events."""

    completion_id: str
    created: int  #: Unix seconds
    model: str
    has_usage: bool  #: whether the last chunk has the token counts; the others then have `usage: null`

    def first(self, piece: ModelDelta | ModelAnswer) -> bytes:
        """Return the first chunk, with the role; `piece` is the piece that follows."""
        return self._event({"role": "assistant", "content": "" if isinstance(piece, TextDelta) else None})

    def delta(self, delta: ModelDelta) -> bytes:
        """Return the chunk of one piece."""
        if isinstance(delta, TextDelta):
            return self._event({"content": delta.text})
        call: dict[str, object] = {"index": delta.index, "function": {"arguments": delta.arguments}}
        if delta.id is not None:
            call |= {"id": delta.id, "type": "function"}
            call["function"] = {"name": delta.name, "arguments": delta.arguments}
        return self._event({"tool_calls": [call]})

    def end(self, answer: ModelAnswer) -> bytes:
        """Return the end of the stream: finish reason, usage and `[DONE]`."""
        end = self._event({}, finish_reason=answer.finish_reason.value)
        usage = _event(self._chunk([]) | {"usage": usage_json(answer)}) if self.has_usage else b""
        return end + usage + DONE

    def _event(self, delta: Mapping[str, object], *, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _event(self._chunk([choice]))

    def _chunk(self, choices: list[dict[str, object]]) -> dict[str, object]:
        chunk: dict[str, object] = {
            "id": self.completion_id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        return chunk | {"usage": None} if self.has_usage else chunk


def error_event(error: TitanError) -> bytes:
    """Return the event that ends a stream which fails after it has begun."""
    return _event(error_json(error))


def error_json(error: TitanError) -> dict[str, object]:
    """Return the error with OpenAI's fields and Titan's."""
    return {"error": msgspec.structs.asdict(problem_of(error)) | {"param": None, "code": type(error).__name__}}


def error_status(error: TitanError) -> int:
    """Return the HTTP status: 400 and 403 for errors of the caller, 502 and 503 for errors of the model."""
    return next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)


def _event(value: object) -> bytes:
    return b"data: %s\n\n" % msgspec.json.encode(value)
