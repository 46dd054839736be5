"""News for the supervisor: what happened elsewhere in the worker, in the order it happened."""

import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from titan.wire.protocol import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptsAssigned:
    """The server handed out attempts, and their scripts are here."""

    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptMissed:
    """An attempt cannot start: its script is not to be had."""

    assignment: Assignment
    why: str
    is_here_at_fault: bool = False  #: this machine could not keep it; otherwise the server has no such script


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked:
    """The server wants these attempts ended and reported as cancelled."""

    lease_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasesLost:
    """These leases are over for the server; nothing is to be reported of them."""

    lease_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFreed:
    """The report of an ended attempt is on its way, so another one may begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBackAsked:
    """The server wants what this worker prefetched and has not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveAsked:
    """Someone wants the worker to end: a signal, or a server that stays away."""

    why: str


News: TypeAlias = AttemptsAssigned | ScriptMissed | StopAsked | LeasesLost | SlotFreed | GiveBackAsked | LeaveAsked


class Inbox:
    """A queue that any thread and any signal handler may post to, and that a selector can wait for."""

    def __init__(self) -> None:
        self._news: deque[News] = deque()  # its append and popleft are atomic
        self._reader, self._waker = socket.socketpair()
        self._reader.setblocking(False)
        self._waker.setblocking(False)

    def fileno(self) -> int:
        """Return a descriptor that is readable while there is news."""
        return self._reader.fileno()

    def post(self, news: News) -> None:
        """Add news and wake the supervisor."""
        self._news.append(news)
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            return  # thousands of wake-ups wait already: one is enough

    def take_all(self) -> Iterator[News]:
        """Yield the news, oldest first, until there is none."""
        try:
            self._reader.recv(4096)
        except BlockingIOError:
            return
        while self._news:
            yield self._news.popleft()

    def close(self) -> None:
        """Release the descriptors."""
        self._reader.close()
        self._waker.close()
