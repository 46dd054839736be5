"""Messages over one stream socket, each behind its length: how a worker and its keepers talk.

They are written by `marshal`: both ends are the same Python on the same machine, and a keeper, whose every write to its
memory costs a page, reads and writes them in a tenth of what JSON touches.
"""

from __future__ import annotations

import marshal
from struct import Struct

TYPE_CHECKING = False  # typing is not imported in a process whose every page is forked for every job
if TYPE_CHECKING:
    import socket
    from typing import Any, TypeAlias

    Message: TypeAlias = dict[str, Any]  # narrowed at once to one of the TypedDicts in orders.py

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
