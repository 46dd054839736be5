"""Record generators and deferred results: an action that ends when a generator or coroutine ends.

The items of a generator are gathered as they come, within bounds. Inside the generator its action is the current one;
in the code that takes the items it is not. A generator that is closed early has succeeded, and its attributes say so.

A plain function, an object with `async __call__` or a method with `stream=True` may return a coroutine or a generator.
The caller then gets a wrapper of the same type that behaves like the original. Only an original that nobody else holds
and that has not started is wrapped.
"""

from __future__ import annotations

import inspect
from functools import partial, wraps
from sys import _getframe, getrefcount, getsizeof
from time import perf_counter_ns
from types import AsyncGeneratorType, CoroutineType, GeneratorType

from titan_sdk.recording import process
from titan_sdk.recording.actions import DEFERRED, as_it_is, begin, current_action, fail, leave, resume, succeed
from titan_sdk.recording.calls import place_of
from titan_sdk.tape import BOUNDS, Cut, CutReason, Object, Opaque, Raised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
    from typing import Any, TypeVar

    from titan_sdk.recording.actions import ActiveAction
    from titan_sdk.recording.entries import ActionConfig

    R = TypeVar("R")

MOST_ITEMS = 10_000  # a long answer of a model, token by token
MOST_BYTES = BOUNDS.size_bytes  # of all items together, about: the limit of one value
SMALL_BYTES = 8  # counted for a number or a short text; four times as much for a container
LONG = 32  # characters: a longer text counts in full
_IS_AWAITABLE = 0x100  # inspect.CO_ITERABLE_COROUTINE: a generator that `types.coroutine` made a coroutine of
#: The attribute that tells whether a value has started; asynchronous generators have it from Python 3.12 on.
_HAS_STARTED = {GeneratorType: "gi_suspended", CoroutineType: "cr_suspended", AsyncGeneratorType: "ag_suspended"}


def recorded(function: Callable[..., Any], config: ActionConfig) -> Any:
    """Return a generator function of the same kind whose runs are recorded."""

    def start(*args: Any, **kwargs: Any) -> tuple[Any, _Gathered]:
        act = begin(config, args, kwargs, place=place_of(_getframe().f_back))
        answers = process.answers()
        if answers is None:
            return function(*args, **kwargs), _Gathered(act)
        items = answers.items_later if is_async else answers.items
        return items(act, function, args, kwargs), _Gathered(act)

    is_async = inspect.isasyncgenfunction(function)
    return wraps(function)(_async_stream(start) if is_async else _stream(start))


def _stream(start: Callable[..., tuple[Generator[Any, Any, Any], _Gathered]]) -> Any:
    """Return a generator function that drives the generator of `start` and gathers its items."""

    def stream(*args: Any, **kwargs: Any) -> Any:
        return (yield from _driven(*start(*args, **kwargs)))

    return stream


def _async_stream(start: Callable[..., tuple[AsyncGenerator[Any, Any], _Gathered]]) -> Any:
    """Return the same as an asynchronous generator function."""

    async def stream(*args: Any, **kwargs: Any) -> Any:
        inner, gathered = start(*args, **kwargs)
        step: Callable[[], Awaitable[Any]] = partial(anext, inner)
        try:
            while True:
                item = await gathered.async_inside(step)
                gathered.add(item)
                try:
                    sent = yield item
                except GeneratorExit:
                    gathered.is_left = True
                    await gathered.async_inside(inner.aclose)
                    raise
                except BaseException as error:  # noqa: BLE001 (it is thrown into the inner generator)
                    gathered.is_left = _is_cancelled(error)
                    step = partial(inner.athrow, error)
                else:
                    step = partial(inner.asend, sent)
        except StopAsyncIteration:
            gathered.end()
        except BaseException as error:
            gathered.break_off(error)
            raise

    return stream


def _driven(inner: Generator[Any, Any, R], gathered: _Gathered) -> Generator[Any, Any, R]:
    """Drive a generator as `yield from` does (PEP 380), with its action the current one in each step."""
    step: Callable[[], Any] = partial(next, inner)
    try:
        while True:
            item = gathered.inside(step)
            gathered.add(item)
            try:
                sent = yield item
            except GeneratorExit:
                gathered.inside(inner.close)
                raise
            except BaseException as error:  # noqa: BLE001 (it is thrown into the inner generator)
                step = partial(inner.throw, error)
            else:
                step = partial(inner.send, sent)
    except StopIteration as finished:
        result: R = finished.value
        gathered.end(result)
        return result
    except BaseException as error:
        gathered.break_off(error)
        raise


def _is_cancelled(error: BaseException) -> bool:
    """Return whether asyncio cancelled it: an abandoned generator is cancelled when its event loop shuts down."""
    return type(error).__name__ == "CancelledError"


class _Gathered:
    """The items of a generator so far, and its action."""

    def __init__(self, act: ActiveAction) -> None:
        self._act = act
        self._began = act._clock
        self._items: list[object] = []
        self._count = 0
        self._size_bytes = 0
        self._attributes: dict[str, object] = {}
        #: whether the consumer stopped at an item, so that it is closed or cancelled there
        self.is_left = False
        leave(act)

    def inside(self, step: Callable[[], R]) -> R:
        """Take a step of the generator."""
        outer = current_action()
        resume(self._act)
        try:
            return step()
        finally:
            resume(outer)

    async def async_inside(self, step: Callable[[], Awaitable[R]]) -> R:
        """Take a step of the asynchronous generator."""
        outer = current_action()
        resume(self._act)
        try:
            return await step()
        finally:
            resume(outer)

    def add(self, item: object) -> None:
        """Keep an item that was yielded, within the bounds."""
        self.is_left = False
        if not self._count:
            self._attributes["first_item_ns"] = perf_counter_ns() - self._began
        self._count += 1
        if self._count <= MOST_ITEMS and self._size_bytes < MOST_BYTES and self._act.config.keeps_outputs:
            shown = as_it_is(item)
            self._size_bytes += _size_bytes(shown)
            if self._size_bytes < MOST_BYTES or not self._items:
                self._items.append(shown)

    def end(self, returned: object = None) -> None:
        """End the action: the generator has ended."""
        self._describe()
        items: object = self._items
        if self._count > len(self._items):
            items = Cut(type_name="list", reason=CutReason.SIZE, items=self._count, head=self._items)
        succeed(self._act, items if returned is None else {"items": items, "returned": returned})

    def break_off(self, error: BaseException) -> None:
        """End the action: the generator was closed early, which is no failure, or it raised."""
        if isinstance(error, GeneratorExit) or (self.is_left and _is_cancelled(error)):
            self._attributes["closed_early"] = True
            self.end()
        else:
            self._describe()
            fail(self._act, error)

    def _describe(self) -> None:
        self._act.attributes = {**(self._act.attributes or {}), **self._attributes, "items": self._count}


def _size_bytes(value: object) -> int:
    """Return the approximate size of a snapshot: long texts and bytes count in full, small values little.

    Python's overhead of small values is not counted: a model's answer of 10,000 chunks is kept whole.
    """
    size, rest = 0, [value]
    while rest and size < MOST_BYTES:
        one = rest.pop()
        if isinstance(one, str | bytes | bytearray):
            size += SMALL_BYTES if len(one) < LONG else getsizeof(one)
            continue
        parts = _parts(one)
        size += SMALL_BYTES * (1 + 3 * bool(parts))
        rest += parts
    return size


def _parts(value: object) -> Iterable[object]:
    match value:
        case dict():
            return (*value, *value.values())
        case list() | tuple() | set() | frozenset():
            return value
        case Object():
            return (value.state,)
        case Raised():
            return (value.message, value.args, value.state, value.cause, value.context)
        case Opaque():
            return (value.text,)
        case Cut():
            return (value.head,)
        case _:
            return ()


def ends_later(value: object) -> bool:
    """Return whether a call's result can be wrapped; the caller must hold it in one variable only."""
    if getrefcount(value) > _HELD_BY_ONE or getattr(value, _HAS_STARTED[type(value)], False):
        return False
    return not (isinstance(value, GeneratorType) and value.gi_code.co_flags & _IS_AWAITABLE)


def ending_later(act: ActiveAction, value: Any) -> Any:
    """Return a wrapper of `value` whose end is the end of the action."""
    waiting = _Waiting(act, value)
    same: Any
    if isinstance(value, CoroutineType):
        same = _awaited(waiting)
    else:
        stream = _stream if isinstance(value, GeneratorType) else _async_stream
        gathered = _Gathered(act)
        same = stream(lambda: (waiting.started()[0], gathered))()
    same.__name__, same.__qualname__ = value.__name__, value.__qualname__
    leave(act)
    return same


class _Waiting:
    """A deferred result that has not started. If it is thrown away unused, its action ends then."""

    __slots__ = ("_act", "_value", "has_started")

    def __init__(self, act: ActiveAction, value: Any) -> None:
        self._act = act
        self._value = value
        self.has_started = False

    def started(self) -> tuple[Any, ActiveAction]:
        self.has_started = True
        return self._value, self._act

    def __del__(self) -> None:
        if self.has_started or self._act.has_ended:
            return
        if isinstance(self._value, CoroutineType):
            self._value.close()  # or it would warn that it was never awaited, as its wrapper does
        self._act.attributes = {**(self._act.attributes or {}), "closed_early": True}
        succeed(self._act)


async def _awaited(waiting: _Waiting) -> Any:
    value, act = waiting.started()
    outer = current_action()
    resume(act)
    inside = current_action()
    try:
        result = await value
    except BaseException as error:
        _restore(inside, outer)
        fail(act, error)
        raise
    _restore(inside, outer)
    if type(result) in DEFERRED and ends_later(result):
        return ending_later(act, result)
    succeed(act, result)
    return result


def _restore(inside: ActiveAction | None, outer: ActiveAction | None) -> None:
    """Make the outer action the current one again, unless the coroutine ends in another context.

    Coroutines that are driven by hand may end in another order than they began.
    """
    while outer is not None and outer.has_ended:
        outer = outer.parent
    if current_action() is inside:
        resume(outer)


def _held_by_one() -> int:
    """Return the count of references that `ends_later` sees of a value in one variable: 3 in CPython."""
    only = (letter for letter in "")
    return _references(only)


def _references(value: object) -> int:
    return getrefcount(value)


_HELD_BY_ONE = _held_by_one()
