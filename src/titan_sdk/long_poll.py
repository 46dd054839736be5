"""Asking the server to answer when something has happened, again and again, until a deadline."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_SECONDS = 25.0  # the server's longest is 30 s
MARGIN_SECONDS = 15.0  # how much later than asked an answer may come: a busy disk, a paused server
HASTY_SECONDS = 0.05  # a long poll that says "not yet" sooner comes from a server that is stopping


def deadline_after(timeout: float | None) -> float | None:
    """Return the moment, on the monotonic clock, that is `timeout` seconds from now; None for never."""
    return None if timeout is None else time.monotonic() + timeout


def polls(deadline: float | None) -> Iterator[float]:
    """Yield how many seconds the next poll may wait, at most 25; the last is made at the deadline or after.

    So there is at least one. Polls that come back at once are held apart by 0.05 s.
    """
    left = LONGEST_SECONDS
    while left > 0:
        began = time.monotonic()
        left = LONGEST_SECONDS if deadline is None else deadline - began
        wait_seconds = round(max(0.0, min(LONGEST_SECONDS, left)), 3)
        yield wait_seconds
        time.sleep(max(0.0, min(HASTY_SECONDS, wait_seconds) - (time.monotonic() - began)))
