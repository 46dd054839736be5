"""Decode recorded JSON back into Python values, compare texts, and chain entries by hash."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from types import ModuleType
from typing import Any, Final

from titan_sdk.tape.values import LEAF_READERS, Cut, CutReason, Object, Opaque, Raised, ReplayedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The link before the first entry of a run.
CHAIN_START: Final = "0" * 64
_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, check_circular=False, separators=(",", ":"))
#: Tags whose items have no order.
_UNORDERED: Final = frozenset({"$set", "$frozenset", "$dict"})
_TOO_DEEP: Final = "the text is nested deeper than Python's recursion limit allows"


def decode(text: bytes | str, *, is_trusted: bool = True) -> object:
    """Return the value that `text` was written from.

    Instances of other classes come back as `Object`, reprs as `Opaque`, cut values as `Cut`, exceptions as exceptions
    of the same class where it is loaded, else as `ReplayedError`. A dict with an unknown tag, or with a known tag whose
    payload does not fit, stays a dict.

    Where the text is not trusted, the classes that it names are not looked up: instances are their plain state, and
    exceptions are `ReplayedError`.

    Raises:
        ValueError: the text is not JSON, or nested deeper than Python reads.
    """
    try:
        return json.loads(text, object_hook=_read if is_trusted else _read_plain)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def canonical(text: bytes | str) -> bytes:
    """Return the same bytes for all texts of one value.

    - The order of dicts and sets does not count; that of lists and tuples does.
    - Types count: a list is not a tuple, and 1, 1.0 and True are three values: code can tell them apart.
    - Floats are equal when their repr is: 0.0 and -0.0 differ, NaN equals NaN.
    - White space and escapes do not count. Keys are sorted by code point.

    Raises:
        ValueError: `text` is not JSON or is nested too deep.
    """
    try:
        return _CANONICAL.encode(json.loads(text, object_hook=_ordered)).encode("utf-8", "surrogatepass")
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def chain(previous: str, entry: bytes) -> str:
    """Return the link after `previous` (CHAIN_START before the first): a changed entry changes all links after it.

    It is SHA-256 of the 32 bytes of `previous` and the bytes of `entry`, in hex.

    Raises:
        ValueError: `previous` is not a link.
    """
    before = bytes.fromhex(previous)
    if len(before) != sha256().digest_size:
        raise ValueError(f"a link of the chain is 64 hex digits, not {previous!r}")
    return sha256(before + entry).hexdigest()


def _ordered(entries: dict[str, Any]) -> dict[str, Any]:
    """Return a set or a `$dict` with its items sorted by their texts; JSON sorts the plain dicts."""
    if len(entries) == 1:
        [(tag, items)] = entries.items()
        if tag in _UNORDERED and isinstance(items, list):
            return {tag: sorted(items, key=_CANONICAL.encode)}
    return entries


def _read_plain(entries: dict[str, Any]) -> object:
    return _read(entries, _PLAIN_READERS)


def _read(entries: dict[str, Any], readers: Mapping[str, Callable[[Any], object]] | None = None) -> object:
    if len(entries) != 1:
        return entries
    [(tag, payload)] = entries.items()
    build = (readers or _READERS).get(tag)
    if build is None:
        return entries
    try:
        return build(payload)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return entries


def _items(payload: object) -> list[Any]:
    items: list[Any] = _of_type(list, payload)
    return items


def _of_type(kind: type[Any], payload: object) -> Any:
    if not isinstance(payload, kind):
        raise TypeError(f"expected a {kind.__name__}, found {payload!r}")
    return payload


def _cut(payload: dict[str, Any]) -> Cut:
    return Cut(
        type_name=_of_type(str, payload["type"]),
        reason=CutReason(payload["reason"]),
        items=payload.get("items"),
        size_bytes=payload.get("bytes"),
        sha256=payload.get("sha256"),
        head=payload.get("head"),
    )


def _exception(payload: dict[str, Any], *, is_trusted: bool = True) -> BaseException:
    """Return the recorded exception; a `ReplayedError` when its class is not loaded or refuses the arguments.

    The class is only looked up in modules that are imported already, and must be an exception. A user's class
    is created by its built-in base with the recorded `args`, then given the recorded attributes: its own `__init__`
    often takes other arguments, and a text must not choose code to be run.
    """
    raised = Raised(
        type_name=_of_type(str, payload["type"]),
        message=payload["message"],
        args=payload["args"] if isinstance(payload["args"], Cut) else tuple(_items(payload["args"])),
        state=payload.get("state"),
        cause=payload.get("cause"),
        context=payload.get("context"),
    )
    kind = _loaded_exception(raised.type_name) if is_trusted else None
    error = (kind and _made(kind, raised)) or ReplayedError(raised)
    if isinstance(raised.cause, BaseException):
        error.__cause__ = raised.cause
    elif isinstance(raised.context, BaseException):
        error.__context__ = raised.context
    return error


def _loaded_exception(name: str) -> type[BaseException] | None:
    """Return the class by looking into namespaces only: `getattr` may import what a module loads lazily."""
    module, _, path = name.rpartition(":")
    found: object = sys.modules.get(module or "builtins")
    for part in path.split("."):
        base = ModuleType if isinstance(found, ModuleType) else type
        names: Mapping[str, object] = base.__getattribute__(found, "__dict__") if isinstance(found, base) else {}
        found = names.get(part)
    return found if isinstance(found, type) and BaseException in type.mro(found) else None


def _made(kind: type[BaseException], raised: Raised) -> BaseException | None:
    """Return a `kind` with the recorded arguments, or with the message alone when only that gives the same `str`.

    Arguments of which only a part or the repr was recorded would change `str`, which programs compare.
    """
    if isinstance(raised.args, Cut):
        return _made_by_base(kind, (raised.message,), raised)
    error = _made_by_base(kind, raised.args, raised)
    if error is None or _has_message(error, raised.message):
        return error
    worded = _made_by_base(kind, (raised.message,), raised)
    return worded if worded is not None and _has_message(worded, raised.message) else error


def _made_by_base(kind: type[BaseException], args: tuple[object, ...], raised: Raised) -> BaseException | None:
    base = _built_in(kind)
    try:
        error: BaseException = base.__new__(kind, *args)
        base.__init__(error, *args)
        if isinstance(raised.state, dict):
            vars(error).update(raised.state)
    except Exception:  # noqa: BLE001 (a built-in class may raise anything for arguments that it refuses)
        return None
    return error


def _has_message(error: BaseException, message: str) -> bool:
    """Return whether `str(error)` is `message`; assumed where the user's class defines `__str__`."""
    base = _built_in(type(error))
    try:
        return type(error).__str__ is not base.__str__ or base.__str__(error) == message
    except ValueError:  # an int of more than 4,300 digits, which had no `str` when it was recorded either
        return True


def _built_in(kind: type[BaseException]) -> Any:
    return next(base for base in type.mro(kind) if base.__module__ == "builtins")


_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    **LEAF_READERS,
    "$tuple": lambda payload: tuple(_items(payload)),
    "$set": lambda payload: set(_items(payload)),
    "$frozenset": lambda payload: frozenset(_items(payload)),
    "$dict": lambda payload: dict(_items(payload)),
    "$object": lambda payload: Object(type_name=_of_type(str, payload["type"]), state=payload["state"]),
    "$opaque": lambda payload: Opaque(type_name=_of_type(str, payload["type"]), text=_of_type(str, payload["repr"])),
    "$cut": _cut,
    "$exception": _exception,
}
_PLAIN_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    **_READERS,
    "$object": lambda payload: payload["state"],
    "$exception": lambda payload: _exception(payload, is_trusted=False),
}
