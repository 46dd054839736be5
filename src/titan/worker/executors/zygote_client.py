"""The worker's side of a warm root and of its keepers: the process, and the lines to them."""

from __future__ import annotations

import select
import socket
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from titan.worker.executors.channel import Channel
from titan.worker.executors.messages import END, KEEP, NOTE_BYTES, READY, note, read_note

if TYPE_CHECKING:
    from titan.worker.executors.channel import Message
    from titan.worker.executors.messages import RunOrder

_PROGRAM: Final = (
    "import sys; sys.path[:] = [path for path in sys.path if path]; "  # without the '' that -c puts first
    "from titan.worker.executors.zygote import main; main()"
)
_END_SECONDS: Final = 15.0  # the root's 3 s for its keepers, then up to 10 s for what cannot be killed


class RootProcess:
    """A warm root that was started by this process."""

    def __init__(self, python: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*python, "-c", _PROGRAM, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C in the terminal is for the worker alone
            )

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        """Wait for the root's first note; return False when it died first, or the time is over."""
        readable, _, _ = select.select([self.control], [], [], timeout_seconds)
        return bool(readable) and self._receive(socket.MSG_PEEK).startswith(READY)

    def keep(self, number: int, channel: socket.socket) -> None:
        """Have keeper `number` forked, at the other end of `channel`."""
        try:
            socket.send_fds(self.control, [note(KEEP, number)], [channel.fileno()])
        except (BrokenPipeError, ConnectionResetError):
            return  # the root is dead: so is the channel, as if the keeper had been made and died

    def end_keeper(self, number: int) -> None:
        """Have keeper `number` killed with everything below it."""
        try:
            self.control.sendall(note(END, number))
        except (BrokenPipeError, ConnectionResetError):
            return  # the same will follow from the root's death

    def read_note(self) -> tuple[bytes, int] | None:
        """Return the root's next note; None when it is dead. Waits unless `control` is readable."""
        text = self._receive()
        return read_note(text) if text else None

    def end(self) -> None:
        """Hang up, upon which the root ends everything below it, and wait for that."""
        self.control.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _receive(self, flags: int = 0) -> bytes:
        try:
            return self.control.recv(NOTE_BYTES, flags)
        except ConnectionResetError:
            return b""  # it died with notes of ours unread


class KeeperLine:
    """The line to one keeper, and the attempt it runs, if any."""

    def __init__(self, number: int, root: RootProcess) -> None:
        self.number = number
        self.root = root
        self.lease_id: str | None = None
        self.ordered_at = datetime.now(UTC)
        self.is_open = True
        self._socket, theirs = socket.socketpair()
        self._channel = Channel(self._socket)
        with theirs:
            root.keep(number, theirs)

    def fileno(self) -> int:
        """Return the line's descriptor, for a selector."""
        return self._socket.fileno()

    def run(self, order: RunOrder) -> None:
        """Order an attempt.

        Raises:
            OSError: the keeper is dead.
        """
        self._channel.send({**order})
        self.lease_id = order["lease_id"]
        self.ordered_at = datetime.now(UTC)

    def stop(self, grace_seconds: float) -> None:
        """Order the end of the attempt; a dead keeper needs no order."""
        try:
            self._channel.send({"kind": "stop", "lease_id": self.lease_id, "grace_seconds": grace_seconds})
        except OSError:
            return

    def listen(self) -> Message | None:
        """Read once and return the notice that has arrived whole, if any; `is_open` turns False at the end."""
        self.is_open = self._channel.fill()
        return self._channel.take()

    def give_up(self) -> None:
        """Tell the keeper that nobody listens any more: it ends its attempt and then itself."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it is dead already

    def close(self) -> None:
        """Hang up. May be called twice."""
        self.is_open = False
        self._channel.close()
