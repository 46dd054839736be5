"""Says of any object what can be recorded of it: its fields, its plain value, how it was raised, or only its repr.

The only place that runs code of the recorded classes (`model_dump`, properties, `__repr__`, `__str__`); whatever
that raises, `SystemExit` too, is not let out. But for `KeyboardInterrupt`: that is a person's, at the program.
"""

from __future__ import annotations

import re
from collections import deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from titan_sdk.tape.values import Object, Opaque, Raised, ReplayedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REPR_CHARS", "TYPE_NAME_CHARS", "clean_name", "describe", "opaque", "type_name"]

REPR_CHARS: Final = 2_000  # a screenful; who wants more of an object gives it `model_dump` or fields
TYPE_NAME_CHARS: Final = 200

_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+| id='\d{9,}'|\b0x[0-9a-fA-F]{9,16}\b")  # a mock shows its id
_NOT_OF_A_NAME: Final = re.compile(r"[^\w.:<>]")

#: How an instance of a subclass becomes the built-in value it holds, calling nothing that the subclass defines.
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
    """Return `name` with `?` for what no type's name holds, at most 200 characters: 800 bytes in any JSON."""
    return _NOT_OF_A_NAME.sub("?", name)[:TYPE_NAME_CHARS]


def describe(value: object) -> Object | Raised | None:
    """Return what `value` holds, one level deep; None when only its repr can say it."""
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
    """Return the repr of `value`, without addresses, which differ in every process; or `text`, if it is not asked."""
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
    if callable(model_dump := getattr(kind, "model_dump", None)):  # asked of the class: a mock has every attribute
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
    """Return `args`, with the file names that OSError takes and then leaves out of them."""
    if isinstance(error, OSError) and error.filename is not None and len(error.args) == 2:
        second = () if error.filename2 is None else (None, error.filename2)
        return (*error.args, error.filename, *second)
    return error.args


def _message(error: BaseException) -> str:
    """Return `str()` of an exception; without addresses, unless it is what the exception was called with."""
    try:
        message = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as second:  # noqa: BLE001 (`__str__` is the user's code)
        return f"<str raised {type_name(type(second))}>"
    return message if error.args[:1] == (message,) else _without_addresses(message)


def _without_addresses(text: str) -> str:
    return _ADDRESS.sub(lambda match: "" if match.group().startswith(" ") else "0x…", text)
