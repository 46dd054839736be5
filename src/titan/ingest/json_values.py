"""JSON as Python's writers make it, read into values and written again in the tape's encoding."""

import json
from typing import Any

from titan.ingest.levels import shallow
from titan.model.actions import SHARED_MARK, Payload
from titan.model.errors import InvalidInput
from titan_sdk.tape import encode


def read_json(body: bytes, *, what: str) -> Any:
    """Return the value of a body that may hold NaN and Infinity, which Python's `json` writes and most readers refuse.

    What is nested deeper than Python reads comes as the text that it is: a client would send it again for ever.

    Raises:
        InvalidInput: it is no JSON in UTF-8.
    """
    try:
        text = body.decode()
        try:
            return json.loads(text)
        except RecursionError:
            return json.loads(shallow(text))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise InvalidInput(
            what,
            expected="JSON in UTF-8",
            found=str(error) or type(error).__name__,
            next_step="Correct it and send it again; nothing was stored.",
        ) from error


def text_of(value: object) -> str:
    """Return a value in the tape's encoding: what looks like a tag of the tape is written so that it is none."""
    return encode(value).text.decode()


def payload_of(value: object) -> Payload:
    """Return inputs or outputs, with the messages of a model call apart.

    Messages are `{"messages": […]}`, or what a call was given by that name: `{"args": [], "kwargs": {"messages": …}}`.
    """
    if isinstance(value, dict):
        kwargs = value.get("kwargs")
        if isinstance(kwargs, dict) and _has_messages(kwargs):
            text, shared = _with_mark(kwargs)
            return Payload(_written({key: text if key == "kwargs" else text_of(value[key]) for key in value}), shared)
        if _has_messages(value):
            return Payload(*_with_mark(value))
    return Payload(text_of(value))


def _has_messages(fields: dict[str, Any]) -> bool:
    messages = fields.get("messages")
    return (
        isinstance(messages, list)
        and bool(messages)
        and all(isinstance(message, dict) for message in messages)
        and all(key.isascii() for key in fields)  # another one may need the tape's form of dicts
    )


def _with_mark(fields: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    texts = {key: SHARED_MARK if key == "messages" else text_of(fields[key]) for key in fields}
    return _written(texts), tuple(map(text_of, fields["messages"]))


def _written(texts: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{text}" for key, text in texts.items()) + "}"
