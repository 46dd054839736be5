"""Calls that are due later, for a loop that can sleep until the next one."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class Timer:
    """A call that is due later; it is handed to `Timers.cancel` to take it back."""

    due_at: float
    number: int  #: calls of the same moment keep their order
    call: Callable[[], None] = field(compare=False)


class Timers:
    """Due times are those of one clock, in seconds; the caller reads it."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._numbers = itertools.count()

    def add(self, due_at: float, call: Callable[[], None]) -> Timer:
        """Have `call` made at `due_at`."""
        timer = Timer(due_at, next(self._numbers), call)
        heapq.heappush(self._heap, timer)
        return timer

    def cancel(self, timer: Timer) -> None:
        """Take a call back, when it was not made yet."""
        try:
            self._heap.remove(timer)
        except ValueError:
            return
        heapq.heapify(self._heap)

    def seconds_to_next(self, now: float) -> float | None:
        """Return how long it is until a call is due, at least 0; None when there is none."""
        return max(0.0, self._heap[0].due_at - now) if self._heap else None

    def run_due(self, now: float) -> None:
        """Make the calls that are due, earliest first."""
        while self._heap and self._heap[0].due_at <= now:
            heapq.heappop(self._heap).call()
