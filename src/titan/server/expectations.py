"""What a request may say where it said something else: the values and fields that its shape allows there.

msgspec names the place (`$.entries[0].outcome`) and what is wrong, not what would be right; the shape knows that.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import inspect

OTHERWISE: Final = "what the OpenAPI document at /schema/openapi.json says"
_PLACE: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP: Final = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<item>[^\]]*)\]")


def expected_of(shape: Any, error: Exception) -> str:
    """Return what `shape` allows where `error` found something else; where that says too little, where to read it."""
    if not isinstance(error, msgspec.ValidationError):
        return OTHERWISE
    said = str(error)
    place = _PLACE.search(said)
    kinds = [inspect.type_info(shape)]
    for step in _STEP.finditer(place["path"] if place else ""):
        kinds = [inner for kind in _each(kinds) for inner in _within(kind, step["field"])]
    if said.startswith("Invalid enum value"):
        values = [str(value) for kind in _each(kinds) for value in _values(kind)]
        return f"one of {', '.join(values)}" if values else OTHERWISE
    if said.startswith("Object contains unknown field"):
        names = dict.fromkeys(
            field.encode_name for kind in _each(kinds) if isinstance(kind, inspect.StructType) for field in kind.fields
        )
        return f"no fields but {', '.join(names)}" if names else "no fields"
    return OTHERWISE


def _each(kinds: Iterable[inspect.Type]) -> list[inspect.Type]:
    """Return the kinds with unions as what they are unions of."""
    found: list[inspect.Type] = []
    for kind in kinds:
        while isinstance(kind, inspect.Metadata):
            kind = kind.type
        found += _each(kind.types) if isinstance(kind, inspect.UnionType) else [kind]
    return found


def _within(kind: inspect.Type, field: str | None) -> list[inspect.Type]:
    """Return what stands in a kind under the name of a field, or as an item."""
    if isinstance(kind, inspect.StructType):
        return [told.type for told in kind.fields if told.encode_name == field]
    if isinstance(kind, inspect.DictType):
        return [kind.value_type]
    return [kind.item_type] if isinstance(kind, inspect.CollectionType) else []


def _values(kind: inspect.Type) -> list[object]:
    if isinstance(kind, inspect.LiteralType):
        return list(kind.values)
    return [member.value for member in kind.cls] if isinstance(kind, inspect.EnumType) else []
