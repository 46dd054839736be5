"""Convert a value to another struct or dataclass: fields of the same name are copied, the others are given."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar

S = TypeVar("S")

_MAKERS: Final[dict[tuple[Any, ...], Callable[[object, Mapping[str, Any]], Any]]] = {}


def shaped(shape: type[S], facts: object, **given: Any) -> S:
    """Return `facts` as a `shape`, a struct or a dataclass: its fields are those of `facts`, but for what is `given`.

    A field that neither has takes its default. What makes one is compiled once for what is given.

    Raises:
        TypeError: it has none.
    """
    key = (shape, type(facts), *given)
    make = _MAKERS.get(key)
    if make is None:
        make = _MAKERS[key] = _maker(shape, facts, given)
    made: S = make(facts, given)
    return made


def _maker(shape: type, facts: object, given: Collection[str]) -> Callable[[object, Mapping[str, Any]], Any]:
    """Return what makes a shape of facts like these and of what is given."""
    carried = [f"{name}=facts.{name}" for name in _fields(shape) if name not in given and hasattr(facts, name)]
    others = [f"{name}=given[{name!r}]" for name in given]
    made: Callable[[object, Mapping[str, Any]], Any] = eval(
        f"lambda facts, given: shape({', '.join((*carried, *others))})", {"shape": shape}
    )
    return made


def _fields(shape: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(shape):
        return tuple(field.name for field in dataclasses.fields(shape))
    fields: tuple[str, ...] = getattr(shape, "__struct_fields__", ())
    return fields
