"""Messages to the supervisor from the worker's other threads, in the order in which they were posted."""

import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from titan.wire.protocol import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptsAssigned:
    """The server assigned attempts, and their scripts are here."""

    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptMissed:
    """An attempt cannot start: its script or archive could not be fetched."""

    assignment: Assignment
    why: str
    is_machine_at_fault: bool = False  #: this machine could not store it; otherwise the server has no such content


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked:
    """The server wants these attempts ended and reported as cancelled."""

    lease_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasesLost:
    """These leases are over for the server; their attempts are not to be reported."""

    lease_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFreed:
    """The report of an ended attempt is queued, so another attempt may begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBackAsked:
    """The server wants the attempts back that this worker prefetched and has not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveAsked:
    """The worker is to end, because of a signal or a server that stays away."""

    why: str


Message: TypeAlias = AttemptsAssigned | ScriptMissed | StopAsked | LeasesLost | SlotFreed | GiveBackAsked | LeaveAsked


class Mailbox:
    """A queue that any thread and any signal handler may post to, and that a selector can wait for."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()  # its append and popleft are atomic
        self._reader, self._waker = socket.socketpair()
        self._reader.setblocking(False)
        self._waker.setblocking(False)

    def fileno(self) -> int:
        """Return a descriptor that is readable while there are messages."""
        return self._reader.fileno()

    def post(self, message: Message) -> None:
        """Add a message and wake the supervisor."""
        self._messages.append(message)
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            return  # thousands of wake-ups wait already: one is enough

    def take_all(self) -> Iterator[Message]:
        """Yield the messages, oldest first, until there is none."""
        try:
            self._reader.recv(4096)
        except BlockingIOError:
            return
        while self._messages:
            yield self._messages.popleft()

    def close(self) -> None:
        """Release the descriptors."""
        self._reader.close()
        self._waker.close()
