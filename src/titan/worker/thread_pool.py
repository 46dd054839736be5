"""Threads for what takes its time and must hold up nobody: as many as there is work for, up to a limit."""

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Final, TypeAlias

from titan.worker.loop import QUICK_PAUSE_SECONDS, Loop
from titan.worker.server_client import ServerAway

Task: TypeAlias = Callable[[], None]

IDLE_SECONDS: Final = 3600.0


class Crew:
    """Performs tasks, the earliest due first. A task that raises ServerAway is repeated, after 0.1 s and more.

    Threads are made when a task finds none idle, and stay, each with its connection to the server.
    """

    def __init__(self, name: str, *, closing: threading.Event, limit: int) -> None:
        """Never more than `limit` threads, all of which end with the process."""
        self._name = name
        self._closing = closing
        self._limit = limit
        self._numbers = count()
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
