"""Asking the server to answer when something has happened, again and again, until a deadline."""

from __future__ import annotations

import time

LONGEST_SECONDS = 25.0  # the server's longest is 30 s
HASTY_SECONDS = 0.05  # a long poll that says "not yet" sooner comes from a server that is stopping


class LongPoll:
    """The polls of one wait.

    poll = LongPoll(timeout=60)
    while (wait_seconds := poll.next()) is not None:
        …                            # ask; return when it has happened
        await io.sleep(poll.rest())
    """

    #: How much later than asked an answer may come: a busy disk, a paused server.
    MARGIN_SECONDS = 15.0

    def __init__(self, timeout: float | None) -> None:
        """`timeout` is in seconds from now; None waits for ever."""
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._began = 0.0
        self._wait_seconds = LONGEST_SECONDS

    def next(self) -> float | None:
        """Return how many seconds the next poll may wait, at most 25, or None when the time is over.

        The last poll is made at the deadline or after, so there is at least one.
        """
        if self._wait_seconds <= 0:
            return None
        self._began = time.monotonic()
        left = LONGEST_SECONDS if self._deadline is None else self._deadline - self._began
        self._wait_seconds = round(max(0.0, min(LONGEST_SECONDS, left)), 3)
        return self._wait_seconds

    def again(self) -> LongPoll:
        """Begin the wait for something else until the same deadline."""
        self._wait_seconds = LONGEST_SECONDS
        return self

    def rest(self) -> float:
        """Return how long to pause now: polls that come back at once are held apart by 0.05 s."""
        return max(0.0, min(HASTY_SECONDS, self._wait_seconds) - (time.monotonic() - self._began))
