"""One value in the shape of another: fields of one name are carried over, the others are given."""

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, TypeVar

S = TypeVar("S")

_READERS: Final[dict[tuple[Any, ...], tuple[list[str], Callable[[object], tuple[object, ...]]]]] = {}


def shaped(shape: type[S], facts: object, **given: Any) -> S:
    """Return `facts` as a `shape`, a struct or a dataclass: its fields are those of `facts`, but for what is `given`.

    A field that neither has takes its default.

    Raises:
        TypeError: it has none.
    """
    key = (shape, type(facts), *given)
    if key not in _READERS:
        _READERS[key] = _reader(shape, facts, given)
    names, read = _READERS[key]
    return shape(**dict(zip(names, read(facts), strict=True)), **given)


def _reader(shape: type, facts: object, given: Any) -> tuple[list[str], Callable[[object], tuple[object, ...]]]:
    """Return which fields are carried over, and what reads them."""
    names = [name for name in _fields(shape) if name not in given and hasattr(facts, name)]
    if len(names) > 1:
        return names, attrgetter(*names)
    return names, lambda one: tuple(getattr(one, name) for name in names)


def _fields(shape: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(shape):
        return tuple(field.name for field in dataclasses.fields(shape))
    fields: tuple[str, ...] = getattr(shape, "__struct_fields__", ())
    return fields
