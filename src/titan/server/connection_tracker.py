"""Keeps the number of open connections below the process's limit of descriptors."""

import logging
import resource
from collections.abc import Callable
from typing import Final

from titan.server.limited_log import LimitedLog

logger = logging.getLogger(__name__)

MOST_DESCRIPTORS: Final = 65_536  # enough; a program that a job starts may go through all that it could have open
OWN_DESCRIPTORS: Final = 128  # store, logs, listeners, pipes of workers: 23 when idle, 36 with four jobs at once
FEWEST_CONNECTIONS: Final = 16
LOGGED_EVERY_SECONDS: Final = 60.0


class TrackedConnection:
    """One open connection, from `accept` on."""

    __slots__ = ("_close", "_is_authorized", "_tracker")

    def __init__(self, tracker: "ConnectionTracker") -> None:
        self._tracker = tracker
        self._close: Callable[[], object] = lambda: None
        self._is_authorized = False

    def close_with(self, close: Callable[[], object]) -> None:
        """Say how it is closed at once when another one needs its place."""
        self._close = close

    def close(self) -> None:
        """Close it at once."""
        self._close()

    def authorize(self) -> None:
        """Note that a request of it is from somebody who may ask."""
        if not self._is_authorized:
            self._is_authorized = True
            self._tracker.unauthorized.pop(self, None)

    def request_started(self) -> None:
        """Note that it waits for an answer."""
        self._tracker.idle.pop(self, None)

    def request_ended(self) -> None:
        """Note that no request is under way any more."""
        if self._is_authorized:
            self._tracker.idle[self] = None

    def closed(self) -> None:
        """Note that it is closed."""
        self._tracker.forget(self)


class ConnectionTracker:
    """The open connections of all sockets of a server; at the limit, a new one takes the place of another.

    Closed are first those whose caller was not authorized yet, oldest first, whatever they are doing; then those
    without a request under way, idle longest first. So no number of silent strangers keeps out anybody who may ask.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.unauthorized: dict[TrackedConnection, None] = {}  #: in the order in which they came
        self.idle: dict[TrackedConnection, None] = {}  #: authorized, in the order in which they ended a request
        self._open: set[TrackedConnection] = set()
        self._log = LimitedLog(logger, every_seconds=LOGGED_EVERY_SECONDS)

    def __len__(self) -> int:
        return len(self._open)

    def add(self) -> TrackedConnection | None:
        """Return what tracks a new connection; None when there is no place for it and none can be made."""
        if len(self._open) >= self.limit:
            self._log.note(
                f"connections are at their limit of {self.limit}: new ones take the place of idle ones."
                " Raise the limit of open files (ulimit -n) if these are clients of yours"
            )
            if not self.close_one():
                return None
        added = TrackedConnection(self)
        self._open.add(added)
        self.unauthorized[added] = None
        return added

    def close_one(self) -> bool:
        """Close the connection that is missed least; return whether there was one."""
        found = next(iter(self.unauthorized), None) or next(iter(self.idle), None)
        if found is None:
            return False
        self.forget(found)
        found.close()
        return True

    def note_no_descriptor(self, error: OSError) -> None:
        """Log that a connection could not be accepted."""
        self._log.note(f"a connection could not be accepted: {error.strerror}; the next try is in a second")

    def forget(self, connection: TrackedConnection) -> None:
        """Leave out one that is closed."""
        self._open.discard(connection)
        self.unauthorized.pop(connection, None)
        self.idle.pop(connection, None)


def most_connections(descriptors: int) -> int:
    """Return how many connections may be open where so many descriptors may be.

    Half of what the server does not need itself: each connection may have a file open, as an upload does.
    """
    return max(FEWEST_CONNECTIONS, (descriptors - OWN_DESCRIPTORS) // 2)


def tracker_of_this_process() -> ConnectionTracker:
    """Return a tracker with the limit that this process can have, after raising it as far as is sensible."""
    return ConnectionTracker(most_connections(_raised_descriptor_limit()))


def _raised_descriptor_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # macOS: the kernel allows fewer than the hard limit says
        return soft
    return wanted
