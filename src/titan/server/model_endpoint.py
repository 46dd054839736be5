"""POST /v1/chat/completions: OpenAI's words for asking a model, translated to ours and back.

What this version cannot do (streams, tools, several choices, images …) is refused by name. A field that asks
for nothing, such as `n: 1` or `stream: false`, is fine.
"""

import time
import uuid
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from titan.model.errors import (
    InvalidInput,
    ModelNotConfigured,
    ModelRefused,
    ModelUnavailable,
    NotSupported,
    TitanError,
)
from titan.model.language import Message, ModelAnswer, ModelRequest, Role
from titan.ports import LanguageModel

#: What a request may call the model, whatever it is; job scripts need not know its name.
DEFAULT_NAMES: Final = frozenset({"", "default", "titan"})
MAX_MESSAGES: Final = 1000  # a conversation that long is over every model's context

#: Fields that change nothing in the answer.
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
    "parallel_tool_calls": (True, False),
    "prediction": (),
    "presence_penalty": (0,),
    "reasoning_effort": (),
    "service_tier": ("auto", "default"),
    "stop": ([],),
    "store": (False,),
    "stream": (False,),
    "stream_options": (),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "top_p": (1,),
    "verbosity": (),
    "web_search_options": (),
}
_ROLES: Final[Mapping[str, Role]] = {**{role.value: role for role in Role}, "developer": Role.SYSTEM}
_STATUSES: Final[Mapping[type[TitanError], int]] = {
    InvalidInput: 400,
    NotSupported: 400,
    ModelRefused: 502,
    ModelNotConfigured: 503,
    ModelUnavailable: 503,
}


class PartBody(Struct, frozen=True, kw_only=True):
    """A piece of a message."""

    type: str
    text: str = ""


class MessageBody(Struct, frozen=True, kw_only=True):
    """A message; `name` and the like are notes to the model's provider and passed over."""

    role: str
    content: str | list[PartBody] | None = None


class SchemaBody(Struct, frozen=True, kw_only=True):
    """A JSON Schema with OpenAI's notes around it."""

    schema: dict[str, object] = {}


class FormBody(Struct, frozen=True, kw_only=True):
    """The form the answer is to have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaBody | None = None


class ChatBody(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What of OpenAI's request this version honours."""

    messages: Annotated[list[MessageBody], Meta(min_length=1, max_length=MAX_MESSAGES)]
    model: str = ""
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    seed: int | None = None
    response_format: FormBody | None = None


async def chat(body: bytes, model: LanguageModel | None) -> tuple[int, bytes]:
    """Return the HTTP status and JSON of the answer to a request's body; errors too are answers."""
    try:
        if model is None:
            raise _no_model()
        request = parse_chat(body, model_name=model.name)
        answer = await model.complete(request)
    except TitanError as error:
        return error_status(error), msgspec.json.encode(error_json(error))
    completion = answer_json(answer, completion_id=f"chatcmpl-{uuid.uuid4().hex}", created=int(time.time()))
    return 200, msgspec.json.encode(completion)


def models_json(model: LanguageModel | None) -> dict[str, object]:
    """Return GET /v1/models: the one model there is, or none."""
    names = [] if model is None else [model.name]
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": 0, "owned_by": "titan"} for name in names],
    }


def parse_chat(body: bytes, *, model_name: str) -> ModelRequest:
    """Return what `body` asks; `model_name` is the model that will answer.

    Raises:
        InvalidInput: it is no chat request, or asks for another model.
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
    return ModelRequest(
        messages=tuple(_message(number, part) for number, part in enumerate(chat_body.messages, start=1)),
        schema=_schema(chat_body.response_format),
        max_tokens=chat_body.max_completion_tokens or chat_body.max_tokens,
        temperature=chat_body.temperature,
        seed=chat_body.seed,
    )


def answer_json(answer: ModelAnswer, *, completion_id: str, created: int) -> dict[str, object]:
    """Return OpenAI's `chat.completion`, `created` in Unix seconds; what it has no word for under `titan`."""
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    usage = None
    if prompt is not None and completion is not None:
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": answer.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.text, "refusal": None},
                "logprobs": None,
                "finish_reason": answer.finish_reason.value,
            }
        ],
        "usage": usage,
        "titan": {"latency_ns": answer.latency_ns},
    }


def error_json(error: TitanError) -> dict[str, object]:
    """Return the error in a form that is OpenAI's and ours at once."""
    kind = type(error).__name__
    return {
        "error": {
            "message": str(error),
            "type": kind,
            "param": None,
            "code": kind,
            "subject": error.subject,
            "expected": error.expected,
            "found": error.found,
            "next_step": error.next_step,
        }
    }


def error_status(error: TitanError) -> int:
    """Return the HTTP status: 400 for the caller's mistakes, 502 and 503 for the model's."""
    return next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)


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
            expected="a JSON body in the form of OpenAI's chat completions",
            found=str(error),
            next_step="Correct the body; `messages` is the one field that must be there.",
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
    role = _ROLES.get(body.role)
    if role is None:
        raise NotSupported(
            f"message {number} of the chat request",
            expected=f"a role of {', '.join(_ROLES)}",
            found=repr(body.role),
            next_step="Tools cannot be called yet: put their results into a user's message.",
        )
    return Message(role=role, content=_text(number, body.content))


def _text(number: int, content: str | list[PartBody] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    foreign = next((part.type for part in content if part.type != "text"), None)
    if foreign is not None:
        raise NotSupported(
            f"message {number} of the chat request",
            expected="parts of type 'text'",
            found=repr(foreign),
            next_step="Send text only.",
        )
    return "".join(part.text for part in content)


def _schema(form: FormBody | None) -> dict[str, object] | None:
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return {"type": "object"}
    if form.json_schema is None or not form.json_schema.schema:
        raise InvalidInput(
            "response_format of the chat request",
            expected="json_schema with a schema in it",
            found="none",
            next_step='Send {"type": "json_schema", "json_schema": {"name": …, "schema": {…}}}.',
        )
    return form.json_schema.schema


def _no_model() -> ModelNotConfigured:
    return ModelNotConfigured(
        "language model",
        expected="one behind this server",
        found="none",
        next_step="Start Titan with TITAN_MODEL, for example gemini/gemini-2.5-flash with GEMINI_API_KEY in"
        " .env; or install titan[local].",
    )
