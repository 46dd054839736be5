"""The traces and spans in a request of openai-agents, each read for itself: one that cannot be read costs no other."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from titan.ingest.values import read_json
from titan.model.errors import InvalidInput

_WHAT: Final = "trace of openai-agents"
_KINDS: Final = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
_NEXT_STEP: Final = "Correct it and send it again; it was not stored."


class Failed(msgspec.Struct):
    """Why a span failed."""

    message: str | None = None
    data: Any = None


class Item(msgspec.Struct):
    """A trace or a span, as far as it is read."""

    object: str = ""
    id: str = ""
    trace_id: str | None = None
    parent_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    span_data: dict[str, Any] | None = None
    error: Failed | None = None
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: Any = None


class _Request(msgspec.Struct):
    data: list[msgspec.Raw]


_REQUEST: Final = msgspec.json.Decoder(_Request)
_ITEM: Final = msgspec.json.Decoder(Item)


def read_items(body: bytes) -> Iterator[Item | InvalidInput]:
    """Yield what a request holds, and for what cannot be read why.

    Raises:
        InvalidInput: it is no such request.
    """
    try:
        raws = _REQUEST.decode(body).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # Once more for what Python writes and others do not read: NaN, half a surrogate pair, very deep values.
        values = _values(body, found=str(error))
        yield from (_converted(value, place) for place, value in enumerate(values))
        return
    for place, raw in enumerate(raws):
        try:
            yield _ITEM.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield _read(bytes(raw), place)


def _values(body: bytes, *, found: str) -> list[Any]:
    try:
        value = read_json(body, what=_WHAT)
    except InvalidInput:
        value = None
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        values: list[Any] = value["data"]
        return values
    raise InvalidInput(
        _WHAT,
        expected='JSON such as {"data": [{"object": "trace", …}, {"object": "trace.span", …}]}',
        found=f"{len(body)} bytes that are none ({found})",
        next_step=_NEXT_STEP,
    )


def wrong_with(which: str, *, expected: str, found: str) -> InvalidInput:
    """Return what is wrong with a trace or span of a request."""
    return InvalidInput(f"{_WHAT}: {which}", expected=expected, found=found, next_step=_NEXT_STEP)


def _read(raw: bytes, place: int) -> Item | InvalidInput:
    try:
        return _converted(read_json(raw, what=f"{_WHAT}: $.data[{place}]"), place)
    except InvalidInput as error:
        return wrong_with(f"$.data[{place}]", expected=error.expected, found=error.found)


def _converted(value: Any, place: int) -> Item | InvalidInput:
    try:
        return msgspec.convert(value, Item)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        return wrong_with(f"$.data[{place}]", expected="a trace or a span", found=_found(value, error))


def _found(value: Any, error: Exception) -> str:
    return str(error) if isinstance(value, dict) else _KINDS.get(type(value), "a number")
