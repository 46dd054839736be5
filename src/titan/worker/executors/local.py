"""Runs attempts on this machine, each under a reaper: forked from a warm interpreter, or executed in a new one."""

from __future__ import annotations

import os
import select
import selectors
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from titan.ports.execution import AttemptEnd, AttemptOrder
from titan.worker.executors.messages import END, ENDED, FORK, NOTE_BYTES, READY, Channel, note, read_note
from titan.worker.executors.process_tree import IS_LINUX

if TYPE_CHECKING:
    from titan.worker.executors.messages import Message, RunOrder

#: Python as jobs see it: unbuffered, as in the original Titan; UTF-8 whatever the locale.
PYTHON: Final = (sys.executable, "-u", "-X", "utf8")

#: An interpreter reads these when it starts, so a job that sets one cannot use an interpreter that runs already.
START_VARIABLES: Final = (
    *("PYTHON", "LD_", "DYLD_", "OMP_", "LC_", "LANG", "MALLOC_", "GLIBC_TUNABLES", "HOME"),
    "OPENSSL_",  # read when `hashlib` is imported
)

_PROGRAM: Final = (
    "import sys; sys.path[:] = [path for path in sys.path if path]; "  # without the '' that -c puts first
    "from titan.worker.executors.zygote import main; main()"
)
_END_SECONDS: Final = 15.0  # the zygote's 3 s for its reapers, then up to 10 s for what cannot be killed
_REAPERS_AT_START: Final = 4
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LocalExecutor:
    """An Executor of processes on this machine.

    One zygote forks a reaper for each attempt that runs at the same time; reapers are used again. The first attempt
    waits until the zygote has started, some 0.1 s; see `wait_until_warm`.
    """

    def __init__(self, *, environment: Mapping[str, str] | None = None, spare_reapers: int = 4) -> None:
        """`environment` is inherited by jobs; None is this process's, without TITAN_*.

        At most `spare_reapers` idle reapers stay, some 4 MB each with the process they have ready; one for each slot
        makes every start fast.
        """
        self._environment = without_titan(os.environ) if environment is None else dict(environment)
        self._spare_reapers = spare_reapers
        self._selector = selectors.DefaultSelector()
        self._reapers: dict[int, ReaperLine] = {}
        self._idle: deque[ReaperLine] = deque()  # the one that waits longest comes first: it is best prepared
        self._busy: dict[str, ReaperLine] = {}
        self._ended: list[AttemptEnd] = []
        self._last_number = 0
        self._zygote: ZygoteProcess | None = self._start_zygote()
        self._idle.extend(self._new_reaper() for _ in range(min(spare_reapers, _REAPERS_AT_START)))

    def wait_until_warm(self, timeout_seconds: float) -> bool:
        """Wait until the zygote takes orders; return False when it does not start."""
        return self._zygote is not None and self._zygote.wait_until_ready(timeout_seconds)

    def fileno(self) -> int:
        """See Executor."""
        return self._selector.fileno()  # epoll and kqueue have one

    def start(self, order: AttemptOrder) -> None:
        """See Executor."""
        message = _run_order(order)
        reaper = self._idle.popleft() if self._idle else self._new_reaper()
        try:
            reaper.run(message)
        except OSError:
            reaper.lease_id = order.lease_id  # it is dead: the attempt is lost with it, as a moment later
        self._busy[order.lease_id] = reaper

    def stop(self, lease_id: str, *, grace_seconds: float) -> None:
        """See Executor."""
        if lease_id in self._busy:
            self._busy[lease_id].stop(grace_seconds)

    def abandon(self, lease_id: str) -> None:
        """See Executor."""
        if lease_id in self._busy:
            reaper = self._busy[lease_id]
            reaper.zygote.end_reaper(reaper.number)

    def ends(self) -> list[AttemptEnd]:
        """See Executor."""
        for key, _ in self._selector.select(0):
            if not isinstance(key.data, ReaperLine):
                self._listen_to_zygote(key.data)
            elif key.data.is_open:  # an earlier one of these events may have closed it
                self._listen_to(key.data)
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """See Executor."""
        for reaper in self._reapers.values():
            reaper.close()
        self._reapers.clear()
        if self._zygote is not None:
            self._zygote.end()
            self._zygote = None
        self._selector.close()

    # A channel that closes means that its reaper died; the zygote reports when nothing below it is left.

    def _start_zygote(self) -> ZygoteProcess:
        zygote = ZygoteProcess(PYTHON, self._environment)
        self._selector.register(zygote.control, selectors.EVENT_READ, zygote)
        return zygote

    def _new_reaper(self) -> ReaperLine:
        if self._zygote is None:
            self._zygote = self._start_zygote()
        self._last_number += 1
        reaper = ReaperLine(self._last_number, self._zygote)
        self._reapers[reaper.number] = reaper
        self._selector.register(reaper, selectors.EVENT_READ, reaper)
        return reaper

    def _listen_to(self, reaper: ReaperLine) -> None:
        notice = reaper.listen()
        if notice is not None:
            self._ended.append(_attempt_end(notice))
            del self._busy[notice["lease_id"]]
            reaper.lease_id = None
            if reaper.is_open and len(self._idle) < self._spare_reapers:
                self._idle.append(reaper)
                return
        if notice is not None or not reaper.is_open:
            self._close_reaper(reaper)

    def _close_reaper(self, reaper: ReaperLine) -> None:
        self._selector.unregister(reaper)
        reaper.close()
        if reaper in self._idle:
            self._idle.remove(reaper)
        if reaper.lease_id is None or reaper.zygote is not self._zygote:
            self._forget(reaper)  # else the zygote will tell when nothing of the attempt is left

    def _forget(self, reaper: ReaperLine) -> None:
        """Drop a reaper that has died; its attempt is lost."""
        del self._reapers[reaper.number]
        if reaper.lease_id is not None:
            del self._busy[reaper.lease_id]
            self._ended.append(_lost(reaper.lease_id, reaper.ordered_at))

    def _listen_to_zygote(self, zygote: ZygoteProcess) -> None:
        message = zygote.read_note()
        if message is None:
            self._zygote_died(zygote)
            return
        word, number = message
        reaper = self._reapers.get(number)
        if word != ENDED or reaper is None:
            return
        while reaper.is_open:  # the process is dead, so its last words, if any, are all there
            self._listen_to(reaper)
        if number in self._reapers:
            self._forget(reaper)

    def _zygote_died(self, zygote: ZygoteProcess) -> None:
        """End the reapers of a zygote that died: nothing would end what a dying reaper leaves."""
        self._selector.unregister(zygote.control)
        self._zygote = None
        zygote.end()
        for reaper in list(self._reapers.values()):
            if reaper.lease_id is None:
                self._close_reaper(reaper)
            elif reaper.is_open:
                reaper.give_up()  # its end of stream comes when all is over
            else:
                self._forget(reaper)


def without_titan(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without TITAN_*: a job gets a server, token and ids of its own."""
    return {name: value for name, value in environment.items() if not name.startswith("TITAN_")}


def _run_order(order: AttemptOrder) -> RunOrder:
    return {
        "kind": "run",
        "lease_id": order.lease_id,
        "script": str(order.script),
        "appears_as": str(order.appears_as or order.script),
        "args": list(order.args),
        "command": _command(order),
        "directory": str(order.directory),
        "log": str(order.log),
        "environment": dict(order.environment),
        "memory_limit_bytes": order.memory_limit_bytes,
    }


def _command(order: AttemptOrder) -> list[str] | None:
    """Return the command to execute, or None to run the script in the warm interpreter."""
    script = str(order.script)
    if script.endswith(".sh"):
        return ["bash", script, *order.args]
    if not script.endswith(".py"):
        if not os.access(order.script, os.X_OK):
            order.script.chmod(0o700)
        return [script, *order.args]
    if order.is_cold or not IS_LINUX or any(name.startswith(START_VARIABLES) for name in order.environment):
        return [*PYTHON, script, *order.args]
    return None


def _attempt_end(notice: Mapping[str, Any]) -> AttemptEnd:
    return AttemptEnd(
        lease_id=notice["lease_id"],
        exit_code=notice["exit_code"],
        signal=notice["signal"],
        started_at=_EPOCH + timedelta(microseconds=notice["started_at_ns"] // 1000),
        duration_ns=notice["duration_ns"],
        peak_memory_bytes=notice["peak_memory_bytes"],
        start_error=notice["start_error"],
    )


def _lost(lease_id: str, ordered_at: datetime) -> AttemptEnd:
    so_far_ns = max(0, round((datetime.now(UTC) - ordered_at).total_seconds() * 1e9))  # clocks can be set back
    return AttemptEnd(lease_id=lease_id, started_at=ordered_at, duration_ns=so_far_ns, is_lost=True)


class ZygoteProcess:
    """A zygote that was started by this process."""

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
        """Wait for the zygote's first note; return False when it died first, or the time is over."""
        readable, _, _ = select.select([self.control], [], [], timeout_seconds)
        return bool(readable) and self._receive(socket.MSG_PEEK).startswith(READY)

    def keep(self, number: int, channel: socket.socket) -> None:
        """Have reaper `number` forked, at the other end of `channel`."""
        try:
            socket.send_fds(self.control, [note(FORK, number)], [channel.fileno()])
        except (BrokenPipeError, ConnectionResetError):
            return  # the zygote is dead: so is the channel, as if the reaper had been made and died

    def end_reaper(self, number: int) -> None:
        """Have reaper `number` killed with everything below it."""
        try:
            self.control.sendall(note(END, number))
        except (BrokenPipeError, ConnectionResetError):
            return  # the same will follow from the zygote's death

    def read_note(self) -> tuple[bytes, int] | None:
        """Return the zygote's next note; None when it is dead. Blocks unless `control` is readable."""
        text = self._receive()
        return read_note(text) if text else None

    def end(self) -> None:
        """Close the socket, upon which the zygote ends everything below it, and wait for that."""
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


class ReaperLine:
    """The channel to one reaper, and the attempt that it runs, if any."""

    def __init__(self, number: int, zygote: ZygoteProcess) -> None:
        self.number = number
        self.zygote = zygote
        self.lease_id: str | None = None
        self.ordered_at = datetime.now(UTC)
        self.is_open = True
        self._socket, theirs = socket.socketpair()
        self._channel = Channel(self._socket)
        with theirs:
            zygote.keep(number, theirs)

    def fileno(self) -> int:
        """Return the channel's descriptor, for a selector."""
        return self._socket.fileno()

    def run(self, order: RunOrder) -> None:
        """Order an attempt.

        Raises:
            OSError: the reaper is dead.
        """
        self._channel.send({**order})
        self.lease_id = order["lease_id"]
        self.ordered_at = datetime.now(UTC)

    def stop(self, grace_seconds: float) -> None:
        """Order the end of the attempt; a dead reaper needs no order."""
        try:
            self._channel.send({"kind": "stop", "lease_id": self.lease_id, "grace_seconds": grace_seconds})
        except OSError:
            return

    def listen(self) -> Message | None:
        """Read once and return the notice that has arrived whole, if any; `is_open` turns False at the end."""
        self.is_open = self._channel.fill()
        return self._channel.take()

    def give_up(self) -> None:
        """Have the reaper end its attempt and then itself."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it is dead already

    def close(self) -> None:
        """Close the channel. May be called twice."""
        self.is_open = False
        self._channel.close()
