"""Recorded values as the program had them: what `decode` leaves as a description becomes an instance again."""

from __future__ import annotations

import sys
from typing import Any

from titan_sdk.tape import Cut, Object, Opaque, decode

__all__ = ["CannotRevive", "revived"]

_DESCRIBED = ('"$object"', '"$opaque"', '"$cut"')
_BUILT_IN = (str, int, float, bytes, bytearray, list, tuple, set, frozenset, dict)


class CannotRevive(ValueError):
    """A recorded value is known by its description only; the message says which, and why."""


def revived(text: str) -> Any:
    """Return the value that a text in the typed encoding was written from, instances of the program's classes too.

    A class is looked for among the modules that are imported. Instances of dataclasses are made without their
    `__init__`, those of pydantic models by `model_validate`.

    Raises:
        CannotRevive: of some part only a repr or the beginning was recorded, or its class is not loaded.
    """
    value = decode(text)
    return _made(value) if any(tag in text for tag in _DESCRIBED) else value


def _made(value: Any) -> Any:
    """Return a value with all instances in it made; containers are made anew."""
    kind = type(value)
    if kind is Object:
        return _instance(value)
    if kind is Opaque:
        raise CannotRevive(f"of a {value.type_name} only its repr was recorded: {value.text[:100]}")
    if kind is Cut:
        raise CannotRevive(f"a {value.type_name} was recorded in part only: it was too large, too deep or in a cycle")
    if kind is dict:
        return {_made(key): _made(item) for key, item in value.items()}
    if kind in (list, tuple, set, frozenset):
        return kind(_made(item) for item in value)
    return value


def _instance(found: Object) -> Any:
    cls, state = _loaded(found.type_name), _made(found.state)
    members = getattr(cls, "_member_map_", None)
    if isinstance(members, dict) and isinstance(state, dict) and state.get("name") in members:
        return members[state["name"]]
    if isinstance(state, dict) and issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return tuple.__new__(cls, [state[name] for name in cls._fields])
    if isinstance(state, dict) and hasattr(cls, "__dataclass_fields__"):
        made = object.__new__(cls)
        for name, part in state.items():
            object.__setattr__(made, name, part)
        return made
    if hasattr(cls, "model_validate"):
        return cls.model_validate(state)
    base: Any = next((base for base in _BUILT_IN if issubclass(cls, base)), None)
    if base is None or not isinstance(state, base):
        raise CannotRevive(f"expected a dataclass, an enum or a pydantic model, found {found.type_name}")
    made = base.__new__(cls, state)
    if base in (list, set, dict, bytearray):
        base.__init__(made, state)
    return made


def _loaded(name: str) -> Any:
    module, _, path = name.rpartition(":")
    found: Any = sys.modules.get(module or "builtins")
    for part in path.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise CannotRevive(f"the class {name} is not loaded; import its module before the call")
    return found
