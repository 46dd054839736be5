"""Makes a recorded exception again, of its own class where that is loaded, without running the class's code."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from titan_sdk.tape.values import Cut, Raised, ReplayedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["rebuilt"]


def rebuilt(raised: Raised) -> BaseException:
    """Return the exception that `raised` describes; a `ReplayedError` when its class is not loaded or refuses.

    The class is only looked for among the modules that are imported already, and must be an exception. A class of
    the user's is made by its built-in base with the recorded `args`, then given the recorded attributes: its own
    `__init__` often takes other things than `args`, and a text must not choose code to be run.
    """
    kind = _loaded_exception(raised.type_name)
    error = None if kind is None else _made(kind, raised)
    error = error or ReplayedError(raised)
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
        found = _namespace(found).get(part)
    if isinstance(found, type) and BaseException in type.mro(found):
        return found
    return None


def _namespace(holder: object) -> Mapping[str, object]:
    base = ModuleType if isinstance(holder, ModuleType) else type
    if not isinstance(holder, base):
        return {}
    names: Mapping[str, object] = base.__getattribute__(holder, "__dict__")
    return names


def _made(kind: type[BaseException], raised: Raised) -> BaseException | None:
    """Return a `kind` with the recorded arguments, or with the message alone when only that says the same words.

    Arguments of which only a part or the repr was recorded would change what `str` says, which programs compare.
    """
    if isinstance(raised.args, Cut):
        return _made_by_base(kind, (raised.message,), raised)
    error = _made_by_base(kind, raised.args, raised)
    if error is None or _says(error, raised.message):
        return error
    worded = _made_by_base(kind, (raised.message,), raised)
    return worded if worded is not None and _says(worded, raised.message) else error


def _made_by_base(kind: type[BaseException], args: tuple[object, ...], raised: Raised) -> BaseException | None:
    base = _built_in(kind)
    try:
        error: BaseException = base.__new__(kind, *args)
        base.__init__(error, *args)
        if isinstance(raised.state, dict):
            vars(error).update(raised.state)
    except Exception:  # noqa: BLE001 (whatever a built-in class says of arguments that it refuses)
        return None
    return error


def _says(error: BaseException, message: str) -> bool:
    """Whether the exception's words are `message`; taken for granted where the user's class makes them."""
    base = _built_in(type(error))
    try:
        return type(error).__str__ is not base.__str__ or base.__str__(error) == message
    except ValueError:  # it could not be said then, either: an int of more than 4,300 digits
        return True


def _built_in(kind: type[BaseException]) -> Any:
    return next(base for base in type.mro(kind) if base.__module__ == "builtins")
