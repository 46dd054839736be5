"""How long requests are repeated while a server is away, and how long polls repeat until a deadline."""

from __future__ import annotations

import os
import socket
import time

from titan_sdk.http import Response

FIRST_PAUSE_SECONDS = 0.05  # a restarted server is back in 0.5 s at the earliest
LONGEST_PAUSE_SECONDS = 1.0  # so a server that is back is noticed within a second
SILENT_SECONDS = 1.0  # how long retries go on before they are logged
LONGEST_POLL_SECONDS = 25.0  # the server's longest is 30 s
HASTY_SECONDS = 0.05  # a long poll that returns sooner without a result comes from a server that is stopping
_MODEL_ERRORS = (b"ModelUnavailable", b"ModelNotConfigured")  # 503s that do not pass


class RetryPolicy:
    """Decides when to repeat one request, from its failures so far."""

    def __init__(self, seconds: float, *, server: str) -> None:
        self.seconds = seconds
        self._server = server
        self._failing_since: float | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._has_logged = False

    def pause_after(self, outcome: Response | OSError, *, began: float) -> float | None:
        """Return how many seconds to wait before the next try, or None when this was the last.

        A timeout counts from `began`, the request's beginning on the monotonic clock: a request that has already
        waited its time is not given it again.
        """
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = began if isinstance(outcome, TimeoutError) else now
        left = self._failing_since + self.seconds - now
        if left <= 0 or isinstance(outcome, socket.gaierror):  # an unknown host is not a restart
            return None
        pause = min(left, self._pause * (0.5 + os.urandom(1)[0] / 510))  # 0.5 to 1: jobs must not all return at once
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        if now + pause - self._failing_since >= SILENT_SECONDS and not self._has_logged:
            self._has_logged = True
            import logging  # 6 ms, and only needed here

            logging.getLogger("titan_sdk").warning(
                "[SDK] No answer from the Titan server at %s (%s); trying for another %.0f s.",
                self._server,
                f"HTTP {outcome.status}" if isinstance(outcome, Response) else outcome.strerror or outcome,
                left,
            )
        return pause


def is_passing(response: Response) -> bool:
    """Return whether the same request may soon get another answer."""
    return response.status == 503 and not any(name in response.body for name in _MODEL_ERRORS)


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
        self._wait_seconds = LONGEST_POLL_SECONDS

    def next(self) -> float | None:
        """Return how many seconds the next poll may wait, at most 25, or None when the time is over.

        The last poll is made at the deadline or after, so there is at least one.
        """
        if self._wait_seconds <= 0:
            return None
        self._began = time.monotonic()
        left = LONGEST_POLL_SECONDS if self._deadline is None else self._deadline - self._began
        self._wait_seconds = round(max(0.0, min(LONGEST_POLL_SECONDS, left)), 3)
        return self._wait_seconds

    def again(self) -> LongPoll:
        """Begin another wait until the same deadline."""
        self._wait_seconds = LONGEST_POLL_SECONDS
        return self

    def rest(self) -> float:
        """Return how long to pause now: polls that come back at once are 0.05 s apart."""
        return max(0.0, min(HASTY_SECONDS, self._wait_seconds) - (time.monotonic() - self._began))
