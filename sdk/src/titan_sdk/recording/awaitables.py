"""What a call gives back that has yet to do its work: a coroutine, a generator, an asynchronous generator.

A plain function returns one as `def answer(question): return client.ask(question)`, an object with an `async __call__`
does, and so may a method with `stream=True`. Its action ends where that ends. What the caller gets is of the same type
and does as the original does, which it stands for: so only one is taken in hand that nobody else holds and that has not
begun.
"""

from __future__ import annotations

from functools import partial
from sys import getrefcount
from types import AsyncGeneratorType, CoroutineType, GeneratorType

from titan_sdk.recording import streams
from titan_sdk.recording.actions import LATER, current_action, fail, leave, resume, succeed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from titan_sdk.recording.actions import ActiveAction

__all__ = ["ending_later", "ends_later"]

_CAN_BE_AWAITED = 0x100  # inspect.CO_ITERABLE_COROUTINE: a generator that `types.coroutine` made a coroutine of
#: How such a type says that it has begun; of asynchronous generators Python 3.11 does not tell.
_HAS_BEGUN = {GeneratorType: "gi_suspended", CoroutineType: "cr_suspended", AsyncGeneratorType: "ag_suspended"}


def ends_later(value: object) -> bool:
    """Return whether a call's result is one that can be stood for; to be asked from where a variable alone holds it."""
    if getrefcount(value) > _HELD_BY_ONE or getattr(value, _HAS_BEGUN[type(value)], False):
        return False
    return not (isinstance(value, GeneratorType) and value.gi_code.co_flags & _CAN_BE_AWAITED)


def ending_later(act: ActiveAction, value: Any) -> Any:
    """Return what does as `value` does, and ends the action as `value` ends."""
    waiting = _Waiting(act, value)
    same: Any
    if isinstance(value, CoroutineType):
        same = _awaited(waiting)
    else:
        kind = streams.stream if isinstance(value, GeneratorType) else streams.stream_later
        same = kind(partial(_begin, waiting, streams.Gathered(act)))()
    same.__name__, same.__qualname__ = value.__name__, value.__qualname__
    leave(act)
    return same


class _Waiting:
    """What nobody has begun with yet. If nobody ever does, its action ends as it is thrown away."""

    __slots__ = ("_act", "_value", "has_begun")

    def __init__(self, act: ActiveAction, value: Any) -> None:
        self._act = act
        self._value = value
        self.has_begun = False

    def begun(self) -> tuple[Any, ActiveAction]:
        self.has_begun = True
        return self._value, self._act

    def __del__(self) -> None:
        if self.has_begun or self._act.has_ended:
            return
        if isinstance(self._value, CoroutineType):
            self._value.close()  # or it warned, as the one that stands for it does, that it was never awaited
        self._act.attributes = {**(self._act.attributes or {}), "closed_early": True}
        succeed(self._act)


def _begin(waiting: _Waiting, gathered: streams.Gathered) -> tuple[Any, streams.Gathered]:
    value, _ = waiting.begun()
    return value, gathered


async def _awaited(waiting: _Waiting) -> Any:
    value, act = waiting.begun()
    outer = current_action()
    resume(act)
    inside = current_action()
    try:
        result = await value
    except BaseException as error:
        _go_back(inside, outer)
        fail(act, error)
        raise
    _go_back(inside, outer)
    if type(result) in LATER and ends_later(result):
        return ending_later(act, result)
    succeed(act, result)
    return result


def _go_back(inside: ActiveAction | None, outer: ActiveAction | None) -> None:
    """Make the current action the one outside again, unless it is thrown away in another context than it was in.

    Coroutines that are driven by hand may have ended in another order than they began.
    """
    while outer is not None and outer.has_ended:
        outer = outer.parent
    if current_action() is inside:
        resume(outer)


def _held_by_one() -> int:
    """Return how many references `ends_later` counts of what a variable of its caller alone holds: of CPython, 3."""
    only = (letter for letter in "")
    return _references(only)


def _references(value: object) -> int:
    return getrefcount(value)


_HELD_BY_ONE = _held_by_one()
