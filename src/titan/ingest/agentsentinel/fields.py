"""Single fields of what agentsentinel-sdk posts: read strictly, and refused by name."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from titan.ingest.values import joined_text, read_json, text_of
from titan.model.actions import SHARED_MARK, Payload
from titan.model.errors import InvalidInput
from titan.rules.runs.sanitize import storable_text

# --- Inputs and outputs as agentsentinel-sdk sends them ---


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


T = TypeVar("T")

REPLAY_TAG: Final = "replay"  # of a run that holds replayed calls, or how a replay ended
_REPLAY: Final = ":replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What the headers of a request say of who sent it."""

    run_id: str | None = None
    agent_id: str | None = None
    harness: str | None = None
    principal: str | None = None


def read_as(body: bytes, shape: type[T], *, what: str) -> T:
    """Return a body as `shape`.

    Raises:
        InvalidInput: it is no JSON, or does not fit.
    """
    return shaped(read_json(body, what=what), shape, what=what)


def shaped(value: object, shape: type[T], *, what: str) -> T:
    """Return a JSON value as `shape`.

    Raises:
        InvalidInput: it does not fit.
    """
    try:
        return msgspec.convert(value, shape)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # the second: half a surrogate pair
        raise unreadable(what, "what agentsentinel-sdk sends", str(error)) from error


def read_time(text: str, *, what: str) -> datetime:
    """Return a time in UTC, which is also what a time without a zone is taken for.

    Raises:
        InvalidInput: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise unreadable(what, "a time in ISO 8601", ascii(text[:60])) from None


def clean(text: str) -> str:
    """Return a text that UTF-8 can say and every store can keep."""
    return storable_text(text)


def clean_or_none(text: str | None) -> str | None:
    """Return `clean` of a text, or None."""
    return None if text is None else clean(text)


def says(value: object) -> bool:
    """Return whether a value says something: the client sends every field of a record, most of them empty."""
    return value is not None and value != [] and value != {}


def known(**fields: object) -> dict[str, object]:
    """Return the fields that are not None."""
    return {key: value for key, value in fields.items() if value is not None}


def digest_of(*parts: str) -> str:
    """Return an id made of what was said, so that the same said again has it too."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps(parts).encode())
    return digest.hexdigest()


def replay_session(run_id: str) -> str:
    """Return the run that replayed calls are kept in: they come under the id of the run they were recorded in."""
    return f"{run_id}{_REPLAY}"


def replayed_run(session: str) -> str:
    """Return the run whose calls were replayed in a session."""
    return session.removesuffix(_REPLAY)


def unreadable(what: str, expected: str, found: str) -> InvalidInput:
    """Return the refusal of something that cannot be read."""
    return InvalidInput(what, expected=expected, found=found, next_step="Correct it and send it again.")
