"""What the worker repeats: a thread for one step that outlives what goes wrong in it; calls that are due later."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from titan.worker.server_client import ServerAway

# --- Calls that are due later, for a loop that can sleep until the next one ---


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


logger = logging.getLogger(__name__)

QUICK_PAUSE_SECONDS: Final = 0.1  # a server restarts in about a second: it is to be noticed within 0.2 s
SLOW_PAUSE_SECONDS: Final = 1.0
LONG_PAUSE_SECONDS: Final = 5.0  # half a lease: a starting server renews them all
QUICK_FOR_SECONDS: Final = 15.0  # one that stays away longer has a longer trouble
SLOW_FOR_SECONDS: Final = 120.0  # after which nobody waits for it


class Loop:
    """Runs `step` again and again on a daemon thread.

    A step that raises ServerAway is repeated after a pause of 0.1 s, of 1 s once that has gone on for 15 s, of 5 s
    after two minutes; one that raises anything else is logged and repeated after 1 s.
    """

    def __init__(self, name: str, step: Callable[[], None], closing: threading.Event) -> None:
        self._step = step
        self._closing = closing
        self._away_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout_seconds: float) -> None:
        """Wait, once `closing` is set, for the step that runs."""
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._step()
            except ServerAway as reason:
                self._closing.wait(self._pause_after(reason))
            except Exception:
                logger.exception("the step '%s' failed; it is tried again in a second", self._thread.name)
                self._closing.wait(SLOW_PAUSE_SECONDS)
            else:
                self._away_since = None

    def _pause_after(self, reason: ServerAway) -> float:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            logger.info("%s: no answer (%s); going on meanwhile", self._thread.name, reason)
        return pause_seconds(now - self._away_since)


def pause_seconds(away_seconds: float) -> float:
    """Return how long to wait before a server is asked again that has not answered for so long."""
    if away_seconds < QUICK_FOR_SECONDS:
        return QUICK_PAUSE_SECONDS
    return SLOW_PAUSE_SECONDS if away_seconds < SLOW_FOR_SECONDS else LONG_PAUSE_SECONDS
