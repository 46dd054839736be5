"""How long one request is repeated while its server is away, and how fast."""

from __future__ import annotations

import os
import socket
import time

from titan_sdk.http.exchange import Response

FIRST_PAUSE_SECONDS = 0.05  # a restarted server is back in 0.5 s at the earliest
LONGEST_PAUSE_SECONDS = 1.0  # so a server that is back is noticed within a second
SILENT_SECONDS = 1.0  # how long retries go on before they are mentioned on the log
_MODEL_ERRORS = (b"ModelUnavailable", b"ModelNotConfigured")  # 503s that waiting for the server does not mend


class RetryPolicy:
    """The failures of one request so far, and what they leave of the time for repeating it."""

    def __init__(self, seconds: float, *, server: str) -> None:
        self.seconds = seconds
        self._server = server
        self._failing_since: float | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._has_mentioned = False

    def pause_after(self, outcome: Response | OSError, *, began: float) -> float | None:
        """Return how many seconds to wait before the next try, or None when this was the last.

        A silence counts from `began`, its beginning on the monotonic clock: a request that has already waited
        its time is not given it again.
        """
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = began if isinstance(outcome, TimeoutError) else now
        left = self._failing_since + self.seconds - now
        if left <= 0 or isinstance(outcome, socket.gaierror):  # a name that nobody knows is not a restart
            return None
        pause = min(left, self._pause * (0.5 + os.urandom(1)[0] / 510))  # 0.5 to 1: jobs must not all return at once
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        if now + pause - self._failing_since >= SILENT_SECONDS and not self._has_mentioned:
            self._mention(outcome, left)
        return pause

    def _mention(self, outcome: Response | OSError, left: float) -> None:
        """Say once, on the log, why nothing happens: a program that hangs without a word helps nobody."""
        self._has_mentioned = True
        import logging  # 6 ms, and only needed here

        logging.getLogger("titan_sdk").warning(
            "[SDK] No answer from the Titan server at %s (%s); trying for another %.0f s.",
            self._server,
            f"HTTP {outcome.status}" if isinstance(outcome, Response) else outcome.strerror or outcome,
            left,
        )


def is_passing(response: Response) -> bool:
    """Tell whether a server that answered so may answer otherwise in a moment."""
    return response.status == 503 and not any(name in response.body for name in _MODEL_ERRORS)
