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
MOST_OF_ONE_TOKEN: Final = 0.25  # of all connections, where there is no room for others


class TrackedConnection:
    """One open connection, from `accept` on."""

    __slots__ = ("_close", "_tracker", "holder")

    def __init__(self, tracker: "ConnectionTracker") -> None:
        self._tracker = tracker
        self._close: Callable[[], object] = lambda: None
        self.holder: str | None = None  #: whose token was accepted on it, "" without one; None: nobody's was yet

    def close_with(self, close: Callable[[], object]) -> None:
        """Say how it is closed at once when another one needs its place."""
        self._close = close

    def close(self) -> None:
        """Close it at once."""
        self._close()

    def authorize(self, holder: str) -> None:
        """Note that a request of it is from somebody who may ask: the holder of a token, or "" without one."""
        if self.holder is None:
            self.holder = holder
            self._tracker.authorized(self, holder)

    def request_started(self) -> None:
        """Note that it waits for an answer."""
        self._tracker.idle.pop(self, None)

    def request_ended(self) -> None:
        """Note that no request is under way any more."""
        if self.holder is not None:
            self._tracker.idle[self] = None

    def closed(self) -> None:
        """Note that it is closed."""
        self._tracker.forget(self)


class ConnectionTracker:
    """The open connections of all sockets of a server; at the limit, a new one takes the place of another.

    Closed are first those whose caller was not authorized yet, oldest first, whatever they are doing; then those
    without a request under way, idle longest first; then the oldest of the token that has most of them, if it has over
    a quarter of all. So neither silent strangers nor the holder of one token keep out anybody else who may ask.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.unauthorized: dict[TrackedConnection, None] = {}  #: in the order in which they came
        self.idle: dict[TrackedConnection, None] = {}  #: authorized, in the order in which they ended a request
        self._of_holder: dict[str, dict[TrackedConnection, None]] = {}  #: in the order in which they were authorized
        self._open: set[TrackedConnection] = set()
        self._log = LimitedLog(logger, every_seconds=LOGGED_EVERY_SECONDS)

    def __len__(self) -> int:
        return len(self._open)

    def add(self) -> TrackedConnection | None:
        """Return what tracks a new connection; None when there is no place for it and none can be made."""
        if len(self._open) >= self.limit and not self._make_room():
            return None
        added = TrackedConnection(self)
        self._open.add(added)
        self.unauthorized[added] = None
        return added

    def authorized(self, connection: TrackedConnection, holder: str) -> None:
        """Note whose connection it is."""
        if self.unauthorized.pop(connection, False) is None:  # else it is closed already
            self._of_holder.setdefault(holder, {})[connection] = None

    def close_one(self) -> bool:
        """Close the connection whose caller loses least by it; return whether there was one."""
        found = next(iter(self.unauthorized), None) or next(iter(self.idle), None) or self._oldest_of_heaviest()
        if found is None:
            return False
        self.forget(found)
        found.close()
        return True

    def _make_room(self) -> bool:
        has_room = self.close_one()
        what = "another one was closed for a new one" if has_room else "a new one was refused, for all are in use"
        self._log.note(
            f"connections are at their limit of {self.limit}: {what}."
            " Raise the limit of open files (ulimit -n) if these are clients of yours"
        )
        return has_room

    def _oldest_of_heaviest(self) -> TrackedConnection | None:
        """Return the oldest connection of the token that has most; those without a token are not one caller's."""
        of_tokens = (connections for holder, connections in self._of_holder.items() if holder)
        heaviest = max(of_tokens, key=len, default={})
        return next(iter(heaviest)) if len(heaviest) > self.limit * MOST_OF_ONE_TOKEN else None

    def note_no_descriptor(self, error: OSError) -> None:
        """Log that a connection could not be accepted."""
        self._log.note(f"a connection could not be accepted: {error.strerror}; the next try is in a second")

    def forget(self, connection: TrackedConnection) -> None:
        """Leave out one that is closed."""
        self._open.discard(connection)
        self.unauthorized.pop(connection, None)
        self.idle.pop(connection, None)
        own = self._of_holder.get(connection.holder or "", {})
        own.pop(connection, None)
        if not own:
            self._of_holder.pop(connection.holder or "", None)


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
