"""Calls that are due later, for a loop that can sleep until the next one."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class _Timer:
    due_at: float
    number: int  #: calls of the same moment keep their order
    call: Callable[[], None] = field(compare=False)


class Timers:
    """Due times are those of one clock, in seconds; the caller reads it."""

    def __init__(self) -> None:
        self._heap: list[_Timer] = []
        self._numbers = itertools.count()

    def add(self, due_at: float, call: Callable[[], None]) -> None:
        """Have `call` made at `due_at`. It cannot be taken back: let it find out that it is no longer needed."""
        heapq.heappush(self._heap, _Timer(due_at, next(self._numbers), call))

    def seconds_to_next(self, now: float) -> float | None:
        """Return how long it is until a call is due, at least 0; None when there is none."""
        return max(0.0, self._heap[0].due_at - now) if self._heap else None

    def run_due(self, now: float) -> None:
        """Make the calls that are due, earliest first."""
        while self._heap and self._heap[0].due_at <= now:
            heapq.heappop(self._heap).call()
