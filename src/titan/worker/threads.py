"""Threads of the worker: a loop that repeats one step, a pool that performs tasks, and timers for the supervisor.

All of them survive failures: a step or task that raises ServerAway is repeated.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from titan.worker.server_client import ServerAway

logger = logging.getLogger(__name__)

Task: TypeAlias = Callable[[], None]

QUICK_PAUSE_SECONDS: Final = 0.1  # a server restarts in about a second, which is to be noticed within 0.2 s
SLOW_PAUSE_SECONDS: Final = 1.0
LONG_PAUSE_SECONDS: Final = 5.0  # half a lease: a starting server renews them all
QUICK_FOR_SECONDS: Final = 15.0  # a restart is over by then
SLOW_FOR_SECONDS: Final = 120.0
IDLE_SECONDS: Final = 3600.0


class Loop:
    """Repeats `step` on a daemon thread until `closing` is set.

    A step that raises ServerAway is repeated after 0.1 s; after 1 s once that has gone on for 15 s; after 5 s once it
    has gone on for two minutes. One that raises anything else is logged and repeated after 1 s.
    """

    def __init__(self, name: str, step: Task, closing: threading.Event) -> None:
        self._step = step
        self._closing = closing
        self._away_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._step()
            except ServerAway as reason:
                if self._away_since is None:
                    self._away_since = time.monotonic()
                    logger.info("%s: no answer (%s); repeating", self._thread.name, reason)
                self._closing.wait(pause_seconds(time.monotonic() - self._away_since))
            except Exception:
                logger.exception("the step '%s' failed and is repeated in a second", self._thread.name)
                self._closing.wait(SLOW_PAUSE_SECONDS)
            else:
                self._away_since = None


def pause_seconds(away_seconds: float) -> float:
    """Return how long to wait before the next request to a server that has not answered for so long."""
    if away_seconds < QUICK_FOR_SECONDS:
        return QUICK_PAUSE_SECONDS
    return SLOW_PAUSE_SECONDS if away_seconds < SLOW_FOR_SECONDS else LONG_PAUSE_SECONDS


class ThreadPool:
    """Performs tasks, the earliest due first. A task that raises ServerAway is repeated.

    Threads are made when a task finds none idle, and stay, each with its connection to the server.
    """

    def __init__(self, name: str, *, closing: threading.Event, limit: int) -> None:
        """At most `limit` threads, all of which end with the process."""
        self._name = name
        self._closing = closing
        self._limit = limit
        self._numbers = itertools.count()
        self._tasks: list[tuple[float, int, Task]] = []
        self._changed = threading.Condition()
        self._idle_count = 0
        self._thread_count = 0

    def add(self, task: Task, *, after_seconds: float = 0.0) -> None:
        """Have a task performed, not before `after_seconds` from now."""
        with self._changed:
            heapq.heappush(self._tasks, (time.monotonic() + after_seconds, next(self._numbers), task))
            if self._idle_count == 0 and self._thread_count < self._limit:
                self._thread_count += 1
                Loop(f"{self._name}-{self._thread_count}", self._step, self._closing).start()
            else:
                self._changed.notify()

    def _step(self) -> None:
        task = self._next_task()
        if task is None:
            return
        try:
            task()
        except ServerAway:
            self.add(task, after_seconds=QUICK_PAUSE_SECONDS)
            raise

    def _next_task(self) -> Task | None:
        with self._changed:
            self._idle_count += 1
            try:
                while not self._tasks or (wait := self._tasks[0][0] - time.monotonic()) > 0:
                    self._changed.wait(wait if self._tasks else IDLE_SECONDS)
                    if self._closing.is_set():
                        return None
                return heapq.heappop(self._tasks)[2]
            finally:
                self._idle_count -= 1


@dataclass(order=True, slots=True)
class Timer:
    """A call that is due later; `Timers.cancel` takes it back."""

    due_at: float
    number: int  #: calls of the same moment keep their order
    call: Task = field(compare=False)


class Timers:
    """Calls that are due later, for a loop that can sleep until the next one. Times are by the caller's clock."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._numbers = itertools.count()

    def add(self, due_at: float, call: Task) -> Timer:
        """Have `call` made at `due_at`."""
        timer = Timer(due_at, next(self._numbers), call)
        heapq.heappush(self._heap, timer)
        return timer

    def cancel(self, timer: Timer) -> None:
        """Take a call back, unless it was made."""
        if timer in self._heap:
            self._heap.remove(timer)
            heapq.heapify(self._heap)

    def seconds_to_next(self, now: float) -> float | None:
        """Return how long it is until a call is due, at least 0; None when there is none."""
        return max(0.0, self._heap[0].due_at - now) if self._heap else None

    def run_due(self, now: float) -> None:
        """Make the calls that are due, earliest first."""
        while self._heap and self._heap[0].due_at <= now:
            heapq.heappop(self._heap).call()
