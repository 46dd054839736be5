"""Inputs and outputs as agentsentinel-sdk sends them, with the messages of a model call apart."""

from typing import Any

from titan.ingest.values import joined_text, text_of
from titan.model.actions import SHARED_MARK, Payload


def payload_of(value: Any) -> Payload:
    """Return inputs or outputs, with the messages of a model call apart.

    Messages are `{"messages": […]}`, or what a call was given by that name: `{"args": [], "kwargs": {"messages": …}}`.
    """
    if not isinstance(value, dict) or not _has_plain_keys(value):
        return Payload(text_of(value))
    kwargs = value.get("kwargs")
    if isinstance(kwargs, dict) and _has_messages(kwargs):
        text, shared = _with_mark(kwargs)
        texts = {key: text if key == "kwargs" else text_of(value[key]) for key in value}
        return Payload(joined_text(texts), shared)
    return Payload(*_with_mark(value)) if _has_messages(value) else Payload(text_of(value))


def _has_messages(fields: dict[str, Any]) -> bool:
    messages = fields.get("messages")
    return (
        isinstance(messages, list)
        and bool(messages)
        and all(isinstance(message, dict) for message in messages)
        and _has_plain_keys(fields)
    )


def _has_plain_keys(fields: dict[str, Any]) -> bool:
    """Return False where a key may need the tape's form of dicts."""
    return all(key.isascii() for key in fields)


def _with_mark(fields: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    texts = {key: SHARED_MARK if key == "messages" else text_of(fields[key]) for key in fields}
    return joined_text(texts), tuple(map(text_of, fields["messages"]))
