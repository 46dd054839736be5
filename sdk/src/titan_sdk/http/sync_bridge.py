"""The sync bridge: every method is written once, as a coroutine; this makes a plain method of it.

    class AsyncTransport:
        async def read(self, path: str) -> bytes: …

    class Transport:
        def __init__(self) -> None:
            self._core = AsyncTransport(BlockingHttp(address))

        read = blocking(AsyncTransport.read)  # Transport().read("/x") -> bytes

A coroutine suspends only where its HTTP does. Over `BlockingHttp` nothing suspends, so one `send` runs it to its
end: the blocking client is the asynchronous one, called so, and costs a function call more.
"""

from __future__ import annotations

from functools import update_wrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
    from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")
    C = TypeVar("C")
    C_co = TypeVar("C_co", covariant=True)

    class Face(Protocol[C_co]):
        """What shows a core's coroutines as plain methods."""

        @property
        def _core(self) -> C_co: ...


def run(coroutine: Coroutine[Any, Any, R]) -> R:
    """Return what a coroutine over blocking HTTP returns, or raise what it raises."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        result: R = finished.value
        return result
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} waits for an event loop; only coroutines over BlockingHttp can be run so")


def blocking(method: Callable[Concatenate[C, P], Coroutine[Any, Any, R]]) -> Callable[Concatenate[Face[C], P], R]:
    """Return a plain method, with the coroutine method's signature and docstring, that returns its result."""

    def face(self: Face[C], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return run(method(self._core, *args, **kwargs))

    return update_wrapper(face, method)


def iterating(
    method: Callable[Concatenate[C, P], AsyncGenerator[R, None]],
) -> Callable[Concatenate[Face[C], P], Iterator[R]]:
    """Return a plain generator method that yields what the asynchronous one does."""

    def face(self: Face[C], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        items = method(self._core, *args, **kwargs)
        try:
            while True:
                yield run(anext(items))
        except StopAsyncIteration:
            return
        finally:
            run(items.aclose())

    return update_wrapper(face, method)
