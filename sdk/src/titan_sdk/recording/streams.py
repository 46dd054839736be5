"""Generators, plain and asynchronous, whose run from the first item to the end is one action.

What they give is gathered as it comes, within bounds. Inside the generator the action is the current one; in the code
that takes the items it is not. One that is closed before its end has succeeded, and its attributes say so.
"""

from __future__ import annotations

import inspect
from functools import partial, wraps
from sys import _getframe, getsizeof
from time import perf_counter_ns

from titan_sdk.recording import process
from titan_sdk.recording.actions import begun, current_action, fail, leave, resume, succeed
from titan_sdk.recording.callsites import place_of
from titan_sdk.recording.reprs import as_it_is
from titan_sdk.tape import BOUNDS, Cut, CutReason, Object, Opaque, Raised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
    from typing import Any, TypeVar

    from titan_sdk.recording.actions import ActiveAction
    from titan_sdk.recording.encoding import ActionConfig

    R = TypeVar("R")

__all__ = ["Gathered", "recorded", "stream", "stream_later"]

MOST_ITEMS = 10_000  # a long answer of a model, token by token
MOST_BYTES = BOUNDS.size_bytes  # of all of them, about: of one value no more is recorded
SMALL_BYTES = 8  # what a number or a short text counts for; a container four times as much
LONG = 32  # characters: a longer text counts in full


def recorded(function: Callable[..., Any], plan: ActionConfig) -> Any:
    """Return a generator function, of the same kind, whose runs are recorded."""

    def begin(*args: Any, **kwargs: Any) -> tuple[Any, Gathered]:
        act = begun(plan, args, kwargs, place=place_of(_getframe().f_back))
        answers = process.answers()
        if answers is None:
            return function(*args, **kwargs), Gathered(act)
        items = answers.items_later if is_later else answers.items
        return items(act, function, args, kwargs), Gathered(act)

    is_later = inspect.isasyncgenfunction(function)
    kind = stream_later if is_later else stream
    return wraps(function)(kind(begin))


def stream(begin: Callable[..., tuple[Generator[Any, Any, Any], Gathered]]) -> Any:
    """Return a generator function that goes through what `begin` returns for its arguments, and gathers it."""

    def stream(*args: Any, **kwargs: Any) -> Any:
        return (yield from _driven(*begin(*args, **kwargs)))

    return stream


def stream_later(begin: Callable[..., tuple[AsyncGenerator[Any, Any], Gathered]]) -> Any:
    """Return the same as an asynchronous generator function."""

    async def stream_later(*args: Any, **kwargs: Any) -> Any:
        inner, gathered = begin(*args, **kwargs)
        step: Callable[[], Awaitable[Any]] = partial(anext, inner)
        try:
            while True:
                item = await gathered.inside_later(step)
                gathered.add(item)
                try:
                    sent = yield item
                except GeneratorExit:
                    gathered.is_left = True
                    await gathered.inside_later(inner.aclose)
                    raise
                except BaseException as error:  # noqa: BLE001 (it is the generator's: that is what throwing means)
                    gathered.is_left = _is_cancelled(error)
                    step = partial(inner.athrow, error)
                else:
                    step = partial(inner.asend, sent)
        except StopAsyncIteration:
            gathered.end()
        except BaseException as error:
            gathered.break_off(error)
            raise

    return stream_later


def _driven(inner: Generator[Any, Any, R], gathered: Gathered) -> Generator[Any, Any, R]:
    """Go through a generator as `yield from` does (PEP 380), with its action the current one in each of its steps."""
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
            except BaseException as error:  # noqa: BLE001 (it is the generator's: that is what throwing means)
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
    """Whether it is asyncio's: a generator that was left at an item is closed so where its loop ends first."""
    return type(error).__name__ == "CancelledError"


class Gathered:
    """What a generator has given so far, and its action."""

    def __init__(self, act: ActiveAction) -> None:
        self._act = act
        self._began = act._clock
        self._items: list[object] = []
        self._count = 0
        self._size_bytes = 0
        self._about: dict[str, object] = {}
        #: whether nobody takes any more: it was left at an item, and is closed or cancelled there
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

    async def inside_later(self, step: Callable[[], Awaitable[R]]) -> R:
        """Take a step of the asynchronous generator."""
        outer = current_action()
        resume(self._act)
        try:
            return await step()
        finally:
            resume(outer)

    def add(self, item: object) -> None:
        """Note an item that was given."""
        self.is_left = False
        if not self._count:
            self._about["first_item_ns"] = perf_counter_ns() - self._began
        self._count += 1
        if self._count <= MOST_ITEMS and self._size_bytes < MOST_BYTES and self._act.plan.keeps_outputs:
            shown = as_it_is(item)
            self._size_bytes += _size_bytes(shown)
            if self._size_bytes < MOST_BYTES or not self._items:
                self._items.append(shown)

    def end(self, returned: object = None) -> None:
        """End the action: the generator has come to its end."""
        self._describe()
        items: object = self._items
        if self._count > len(self._items):
            items = Cut(type_name="list", reason=CutReason.SIZE, items=self._count, head=self._items)
        succeed(self._act, items if returned is None else {"items": items, "returned": returned})

    def break_off(self, error: BaseException) -> None:
        """End the action: it was closed before its end, which is no failure, or it raised."""
        if isinstance(error, GeneratorExit) or (self.is_left and _is_cancelled(error)):
            self._about["closed_early"] = True
            self.end()
        else:
            self._describe()
            fail(self._act, error)

    def _describe(self) -> None:
        self._act.attributes = {**(self._act.attributes or {}), **self._about, "items": self._count}


def _size_bytes(value: object) -> int:
    """Return about how much a snapshot holds, however deep: long texts and bytes as they are, small things lightly.

    What Python itself adds to small things is not counted: an answer of 10,000 chunks of a model is still kept whole.
    """
    size, rest = 0, [value]
    while rest and size < MOST_BYTES:
        one = rest.pop()
        if isinstance(one, str | bytes | bytearray):
            size += SMALL_BYTES if len(one) < LONG else getsizeof(one)
            continue
        held = _held(one)
        size += SMALL_BYTES * (1 + 3 * bool(held))
        rest += held
    return size


def _held(value: object) -> Iterable[object]:
    """Return what a part of a snapshot holds."""
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
