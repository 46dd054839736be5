"""An event loop whose clock jumps: hours of waiting pass in milliseconds, and every run is the same."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """When nothing is left to do now, time jumps to the next timer instead of passing."""

    def __init__(self) -> None:
        super().__init__(_JumpingSelector(self))
        self._seconds = 0.0

    def time(self) -> float:
        """Return the seconds since the loop was made, jumps included."""
        return self._seconds

    def jump(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._seconds += seconds


class LoopClock:
    """Tells the virtual time of the running loop as a date; implements the Clock port."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, start: datetime) -> None:
        self._loop = loop
        self._start = start

    def now(self) -> datetime:
        """Return `start` plus the loop's time."""
        return self._start + timedelta(seconds=self._loop.time())


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in virtual time; nothing that it started is left."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


class _JumpingSelector(selectors.DefaultSelector):
    """Looks whether a file is ready now; when none is, time jumps instead of being waited for."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._virtual_loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("every task waits for another, and no timer is set: a deadlock")
        self._virtual_loop.jump(timeout)
        return ready
