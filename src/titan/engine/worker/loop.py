"""A thread that repeats one step until it is told to stop, and outlives what goes wrong in a step."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from titan.engine.worker.link import ServerAway

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
