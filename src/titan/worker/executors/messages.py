"""Messages between a worker, its zygote and its reapers.

Orders and notices go through a Channel, each behind its length. They are written by `marshal`: both ends are the same
Python on the same machine, and a reaper, whose every write to its memory costs a page, reads and writes them in a tenth
of what JSON touches. Notes are 16 bytes between a worker and the zygote; one that asks for a reaper carries that one's
end of its channel (SCM_RIGHTS, unix(7)).
"""

from __future__ import annotations

import marshal
from struct import Struct

TYPE_CHECKING = False  # typing is not imported in a process whose every page is forked for every job
if TYPE_CHECKING:
    import socket
    from typing import Any, Literal, TypeAlias, TypedDict

    Message: TypeAlias = dict[str, Any]  # narrowed at once to one of these

    class RunOrder(TypedDict):
        """Worker to reaper: run this attempt now. The reaper is idle."""

        kind: Literal["run"]
        lease_id: str
        script: str  #: what is read and run: an absolute path
        appears_as: str  #: where it finds itself: its __file__, and sys.path[0] is the folder of that
        args: list[str]
        command: list[str] | None  #: what to exec; None runs the script in the forked interpreter
        directory: str  #: the working directory, absolute
        log: str  #: the file that takes stdout and stderr, absolute; made if it is not there
        environment: dict[str, str]  #: added to what the reaper inherited
        memory_limit_bytes: int | None  #: of address space, for each process of the job

    class StopOrder(TypedDict):
        """Worker to reaper: end this attempt; ignored when it has ended already."""

        kind: Literal["stop"]
        lease_id: str
        grace_seconds: float  #: between SIGTERM and SIGKILL; 0 kills at once

    class EndNotice(TypedDict):
        """Reaper to worker: the attempt has ended, and no process of it is left."""

        lease_id: str
        exit_code: int | None
        signal: int | None
        started_at_ns: int  #: since the epoch
        duration_ns: int
        peak_memory_bytes: int
        start_error: str | None  #: why it could not start; then the exit code means nothing


NOTE_BYTES = 16  # all of one size, so that one read takes one note with its descriptor
READY = b"ready"  #: zygote to worker: everything is imported
FORK = b"fork"  #: worker to zygote: fork reaper N, here is its channel
END = b"end"  #: worker to zygote: kill reaper N and everything below it
ENDED = b"ended"  #: zygote to worker: reaper N is dead, and nothing of it is left


def note(word: bytes, number: int) -> bytes:
    """Return the note that says `word` of reaper `number`."""
    return (b"%b %d" % (word, number)).ljust(NOTE_BYTES)


def read_note(text: bytes) -> tuple[bytes, int]:
    """Return the word and the number of a note."""
    word, number = text.split()
    return word, int(number)


_LENGTH = Struct("!I")
_READ_BYTES = 64 * 1024


class Channel:
    """One end of a conversation. Messages of any size arrive whole and in order."""

    __slots__ = ("_received", "_socket")

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._received = bytearray()

    def fileno(self) -> int:
        """Return the socket's descriptor, for a poller."""
        return self._socket.fileno()

    def send(self, message: Message) -> None:
        """Send one message; blocks while the socket's buffer (some 200 KB) is full.

        Raises:
            OSError: the other end is gone.
        """
        body = marshal.dumps(message)
        self._socket.sendall(_LENGTH.pack(len(body)) + body)

    def fill(self) -> bool:
        """Read once, blocking when the socket does; return False when the other end is gone."""
        try:
            received = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._received += received
        return bool(received)

    def take(self) -> Message | None:
        """Return the next message that has arrived whole, or None. Does not read the socket."""
        received = self._received
        if len(received) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(received)[0]
        if len(received) < end:
            return None
        message: Message = marshal.loads(received[_LENGTH.size : end])
        del received[:end]
        return message

    def close(self) -> None:
        """Close this end; the other one reads an end of stream."""
        self._socket.close()
