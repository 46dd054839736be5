"""Reads what `encode` wrote back into values of the same types, calling nothing that the text names."""

from __future__ import annotations

import json
from typing import Any, Final

from titan_sdk.tape.leaves import LEAF_READERS
from titan_sdk.tape.raising import rebuilt
from titan_sdk.tape.values import Cut, CutReason, Object, Opaque, Raised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["decode"]


def decode(text: bytes | str) -> object:
    """Return the value that `text` was written from.

    Instances of other classes come back as `Object`, reprs as `Opaque`, what was left out as `Cut`, exceptions as
    exceptions of the same class where it is loaded and as `ReplayedError` where not. A dict with an unknown tag,
    or with a known one that does not fit, stays a dict.

    Raises:
        ValueError: it is not JSON, or nested deeper than Python reads.
    """
    try:
        return json.loads(text, object_hook=_read)
    except RecursionError:
        raise ValueError("the text is nested deeper than Python's recursion limit allows") from None


def _read(entries: dict[str, Any]) -> object:
    if len(entries) != 1:
        return entries
    [(tag, payload)] = entries.items()
    build = _READERS.get(tag)
    if build is None:
        return entries
    try:
        return build(payload)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return entries


def _items(payload: object) -> list[Any]:
    if not isinstance(payload, list):
        raise TypeError(f"expected a list, found {payload!r}")
    return payload


def _object(payload: dict[str, object]) -> Object:
    return Object(type_name=_text(payload["type"]), state=payload["state"])


def _opaque(payload: dict[str, object]) -> Opaque:
    return Opaque(type_name=_text(payload["type"]), text=_text(payload["repr"]))


def _cut(payload: dict[str, Any]) -> Cut:
    return Cut(
        type_name=_text(payload["type"]),
        reason=CutReason(payload["reason"]),
        items=payload.get("items"),
        size_bytes=payload.get("bytes"),
        sha256=payload.get("sha256"),
        head=payload.get("head"),
    )


def _exception(payload: dict[str, Any]) -> BaseException:
    raised = Raised(
        type_name=_text(payload["type"]),
        message=payload["message"],
        args=payload["args"] if isinstance(payload["args"], Cut) else tuple(_items(payload["args"])),
        state=payload.get("state"),
        cause=payload.get("cause"),
        context=payload.get("context"),
    )
    return rebuilt(raised)


def _text(payload: object) -> str:
    if not isinstance(payload, str):
        raise TypeError(f"expected text, found {payload!r}")
    return payload


_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    **LEAF_READERS,
    "$tuple": lambda payload: tuple(_items(payload)),
    "$set": lambda payload: set(_items(payload)),
    "$frozenset": lambda payload: frozenset(_items(payload)),
    "$dict": lambda payload: dict(_items(payload)),
    "$object": _object,
    "$opaque": _opaque,
    "$cut": _cut,
    "$exception": _exception,
}
