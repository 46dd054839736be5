"""A log line that strangers can cause, written at most so often."""

import logging
import time
from collections.abc import Callable


class LimitedLog:
    """Writes one warning per `every_seconds`, with the number of those that were left out."""

    def __init__(
        self, logger: logging.Logger, *, every_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logger
        self._every_seconds = every_seconds
        self._clock = clock
        self._last: float | None = None
        self._left_out = 0

    def note(self, line: str) -> None:
        """Write `line`, or only count it."""
        now = self._clock()
        if self._last is not None and now - self._last < self._every_seconds:
            self._left_out += 1
            return
        more = f" ({self._left_out} more since the last such line)" if self._left_out else ""
        self._logger.warning("%s%s", line, more)
        self._last, self._left_out = now, 0
