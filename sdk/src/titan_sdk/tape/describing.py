"""Describe objects by their fields, plain value or repr, and copy values before the program can change them.

Only this module runs code of recorded classes (`model_dump`, properties, `__repr__`, `__str__`). It catches everything
that code raises, `SystemExit` too, except `KeyboardInterrupt`, which is for the program.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final, assert_never
from uuid import UUID

from titan_sdk.tape.values import (
    BOUNDS,
    LEAF_WRITERS,
    Bounds,
    Cut,
    CutReason,
    Object,
    Opaque,
    Raised,
    ReplayedError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HEAD_BYTES: Final = 64 * 1024  # kept of a text or of bytes that do not fit: what the inspector shows of a large body
REPR_CHARS: Final = 2_000  # a screenful; classes with fields or `model_dump` are recorded in full
TYPE_NAME_CHARS: Final = 200

_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+| id='\d{9,}'|\b0x[0-9a-fA-F]{9,16}\b")  # a mock shows its id
_NOT_OF_A_NAME: Final = re.compile(r"[^\w.:<>]")

MOST_REPRS: Final = 1_000  # of one value: 5 ms, while the caller waits
_NOT_ASKED: Final = f"<one of more than {MOST_REPRS:,} objects>"

#: Never changed once made, so never copied.
_SHARED: Final = frozenset(LEAF_WRITERS) - {bytearray}
_CONTAINERS: Final = frozenset({dict, list, tuple, set, frozenset})

#: Converts an instance of a subclass to the built-in value it holds, without calling methods of the subclass.
_PLAIN: Final[tuple[tuple[type, Callable[[Any], object]], ...]] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, lambda value: bytes.__getitem__(value, slice(None))),
    (bytearray, lambda value: bytearray.__getitem__(value, slice(None))),
    (dict, lambda value: dict(dict.items(value))),
    (list, lambda value: list(list.__iter__(value))),
    (deque, lambda value: list(deque.__iter__(value))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
    (datetime, lambda value: datetime.fromisoformat(datetime.isoformat(value))),
    (date, lambda value: date.fromisoformat(date.isoformat(value))),
    (time, lambda value: time.fromisoformat(time.isoformat(value))),
    (timedelta, lambda value: timedelta(value.days, value.seconds, value.microseconds)),
    (Decimal, Decimal),
    (UUID, lambda value: UUID(int=value.int)),
    (PurePath, str),
)


def type_name(kind: type) -> str:
    """Return `module:Class.Inner`, or `ValueError` for a built-in class; at most 200 characters."""
    module, name = str(kind.__module__), str(kind.__qualname__)
    return clean_name(name if module == "builtins" else f"{module}:{name}")


def clean_name(name: str) -> str:
    """Return `name` with `?` for characters that no type name has, at most 200 characters: 800 bytes in any JSON."""
    return _NOT_OF_A_NAME.sub("?", name)[:TYPE_NAME_CHARS]


def describe(value: object) -> Object | Raised | None:
    """Return the state of `value`, one level deep; None when it has only a repr."""
    try:
        if isinstance(value, BaseException):
            return _raised(value)
        state = _state(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 (the classes are the user's, and recording must not break them)
        return None
    return None if state is None else Object(type_name=type_name(type(value)), state=state)


def opaque(value: object, text: str | None = None) -> Opaque:
    """Return the repr of `value` without memory addresses, which differ in every process; or `text` in its place."""
    try:
        text = repr(value) if text is None else text
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 (a repr is the user's code)
        text = f"<repr raised {type_name(type(error))}>"
    text = text if len(text) <= REPR_CHARS else f"{text[: REPR_CHARS - 1]}…"
    return Opaque(type_name=type_name(type(value)), text=_without_addresses(text), which=id(value))


def _state(value: object) -> object:
    kind = type(value)
    if isinstance(value, Enum):
        return {"name": value.name, "value": value.value}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return dict(zip(kind._fields, tuple.__iter__(value), strict=False))
    if hasattr(kind, "__dataclass_fields__"):
        names = (name for name in kind.__dataclass_fields__ if hasattr(value, name))
        return {name: getattr(value, name) for name in names}
    if callable(model_dump := getattr(kind, "model_dump", None)):  # on the class: a mock instance has every attribute
        state: object = model_dump(value)
        return state
    return next((plain(value) for base, plain in _PLAIN if isinstance(value, base)), None)


def _raised(error: BaseException) -> Raised:
    if isinstance(error, ReplayedError):
        return error.raised
    context = None if error.__suppress_context__ else error.__context__
    return Raised(
        type_name=type_name(type(error)),
        message=_message(error),
        args=_args(error),
        state=dict(vars(error)) or None,
        cause=error.__cause__,
        context=context if error.__cause__ is None else None,
    )


def _args(error: BaseException) -> tuple[object, ...]:
    """Return `args`, with the file names that OSError accepts and then leaves out of `args`."""
    if isinstance(error, OSError) and error.filename is not None and len(error.args) == 2:
        second = () if error.filename2 is None else (None, error.filename2)
        return (*error.args, error.filename, *second)
    return error.args


def _message(error: BaseException) -> str:
    """Return `str()` of an exception; without addresses, unless it is the first argument itself."""
    try:
        message = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as second:  # noqa: BLE001 (`__str__` is the user's code)
        return f"<str raised {type_name(type(second))}>"
    return message if error.args[:1] == (message,) else _without_addresses(message)


def _without_addresses(text: str) -> str:
    return _ADDRESS.sub(lambda match: "" if match.group().startswith(" ") else "0x…", text)


def snapshot(value: object, *, bounds: Bounds = BOUNDS, shown: Callable[[object], Opaque] = opaque) -> object:
    """Return a copy that later encodes to the text that `value` encodes to now.

    Lists, dicts, sets, tuples and bytearrays are copied; dataclasses, models and exceptions become `Object` and
    `Raised`. `shown` makes the repr of all other objects, of at most 1,000 in one value. At most `bounds.nodes` values
    are copied, and nothing is raised.
    """
    if type(value) in _SHARED:
        return value
    try:
        return _Copier(bounds, shown).copy(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 (what another thread changes meanwhile must not break the caller)
        return Opaque(type_name=type_name(type(value)), text="<it changed while it was read>")


class _Copier:
    """Copies one value; counts what it has copied and tracks the containers it is in."""

    def __init__(self, bounds: Bounds, shown: Callable[[object], Opaque]) -> None:
        self._bounds = bounds
        self._shown = shown
        self._reprs = MOST_REPRS
        self._nodes = bounds.nodes
        self._open: set[int] = set()

    def copy(self, value: Any) -> object:
        kind = type(value)
        if kind in _SHARED:
            return value
        if kind in _CONTAINERS:
            if len(value) <= self._nodes and _holds_only_shared(value, kind):
                self._nodes -= len(value)
                return kind(value)  # a tuple or a frozenset is itself
            return self._inside(value, self._items)
        if kind is bytearray:
            return self._bytearray(value)
        return self._other(value)

    def _inside(self, value: Any, copied: Callable[[Any], object]) -> object:
        """Copy the contents of `value`, unless it contains itself or is too deep."""
        reason = CutReason.CYCLE if id(value) in self._open else CutReason.DEPTH
        if reason is CutReason.CYCLE or len(self._open) >= self._bounds.depth:
            items = len(value) if type(value) in _CONTAINERS else None
            return Cut(type_name=type_name(type(value)), reason=reason, items=items)
        self._open.add(id(value))
        copy = copied(value)
        self._open.discard(id(value))
        return copy

    def _items(self, value: Any) -> object:
        kind = type(value)
        copies: list[object] = []
        for item in value.items() if kind is dict else value:
            if self._nodes <= 0:
                head = kind(copies)
                return Cut(type_name=kind.__name__, reason=CutReason.SIZE, items=len(value), head=head)
            self._nodes -= 1
            copies.append((self.copy(item[0]), self.copy(item[1])) if kind is dict else self.copy(item))
        return kind(copies)

    def _bytearray(self, value: bytearray) -> object:
        if len(value) <= self._bounds.size_bytes:
            return value.copy()
        head = value[:HEAD_BYTES]  # without a digest, which would take the caller longer than the copy
        return Cut(type_name="bytearray", reason=CutReason.SIZE, size_bytes=len(value), head=head)

    def _other(self, value: Any) -> object:
        kind = type(value)  # not isinstance, which a mock can deceive
        if kind in (Opaque, Cut) or issubclass(kind, Enum):
            return value
        described: Object | Raised | None = value if kind in (Object, Raised) else describe(value)
        match described:
            case None:
                self._reprs -= 1
                return self._shown(value) if self._reprs >= 0 else opaque(value, text=_NOT_ASKED)
            case Object():
                return self._inside(value, lambda _: replace(described, state=self.copy(described.state)))
            case Raised():
                return self._inside(value, lambda _: self._raised(described))
            case _:
                assert_never(described)

    def _raised(self, raised: Raised) -> Raised:
        return replace(
            raised,
            args=raised.args if isinstance(raised.args, Cut) else tuple([self.copy(arg) for arg in raised.args]),
            state=self.copy(raised.state),
            cause=self.copy(raised.cause),
            context=self.copy(raised.context),
        )


def _holds_only_shared(value: Any, kind: type) -> bool:
    """Return whether a shallow copy is enough; the loops run in C."""
    return _SHARED.issuperset(map(type, value)) and (kind is not dict or _SHARED.issuperset(map(type, value.values())))
