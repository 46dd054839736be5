"""The offline spool: entries that wait on the disk for a server, in JSON Lines files of one folder.

A process appends to a file of its own. Whoever delivers (the program itself, the next one, a worker, the server of the
same home, `titan runs import`) takes one file at a time by its lock, and removes it once all of it was delivered.
What is sent twice counts once: entries have ids.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import NamedTuple

from titan_sdk.home import home_of
from titan_sdk.http.address import Address
from titan_sdk.recording.delivery import Delivery
from titan_sdk.recording.limits import BATCH_BYTES, BATCH_ENTRIES, SPOOL_BYTES, SPOOL_FILE_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from titan_sdk.recording.delivery import Answer

__all__ = ["Spool", "deliver_folder", "folders_for", "spool_folder"]

FOLDER = "TITAN_SPOOL"
SPOOLS = "spool"  #: the folder of the home in which there is one for each server
HOME_SERVER = "home"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ENDING = ".jsonl"


class Spool:
    """The entries that wait for one server, one on each line. Several processes may share a folder."""

    def __init__(self, folder: str, *, largest_bytes: int = SPOOL_BYTES) -> None:
        """Keep entries in `folder`, which is made when the first one comes."""
        self.folder = folder
        self._largest_bytes = largest_bytes
        self._path = ""
        #: Of this process: the files, and how many entries it has written to each.
        self._added: dict[str, int] = {}
        #: files that were delivered and cannot be removed
        self._done: set[str] = set()
        #: why the last entries were not kept
        self.problem = ""

    def add(self, entries: Sequence[str]) -> bool:
        """Append entries, each a line of JSON, all or none; return False when there is no room.

        The oldest are kept and the newest refused: the beginning explains what came later, not the other way round.
        """
        lines = b"".join(entry.encode() + b"\n" for entry in entries)
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            if (size := self._size_bytes()) + len(lines) > self._largest_bytes:
                self.problem = f"{size / 2**20:,.0f} MiB wait there already"
                return False
            with self._own_file() as file:
                _append(file, lines)
        except OSError as error:
            self.problem = f"{error.strerror or error} (errno {error.errno})" if error.errno else str(error)
            return False
        self.problem = ""
        self._added[self._path] = self._added.get(self._path, 0) + len(entries)
        return True

    def waiting(self) -> int:
        """Return how many entries of this process wait, which neither it nor another one has delivered."""
        return sum(entries for path, entries in self._added.items() if os.path.exists(path))

    def paths(self) -> list[str]:
        """Return the files that wait, oldest first; none when the folder cannot be read."""
        try:
            entries = [entry for entry in os.scandir(self.folder) if entry.name.endswith(ENDING)]
            found = sorted(entry.path for entry in entries if entry.is_file(follow_symlinks=False))
        except OSError:
            return []
        return [path for path in found if path not in self._done]

    def deliver(self, delivery: Delivery) -> Iterator[bool]:
        """Send what waits, the oldest file first, until the server does not answer; yield True after each request."""
        for path in self.paths():
            if delivery.is_paused():
                return
            with suppress(OSError), _opened(path, os.O_RDONLY) as file:  # it may be somebody else's
                if file is not None:
                    yield from self._deliver_file(path, file, delivery)

    def _deliver_file(self, path: str, file: BinaryIO, delivery: Delivery) -> Iterator[bool]:
        """Send a file's entries; where the server took only some, the others go into a file of this process."""
        is_any_taken, left = False, list[str]()
        for batch in _batches(file):
            if delivery.is_paused():
                left += batch
                continue
            places = delivery.send(batch)
            is_any_taken = is_any_taken or len(places) < len(batch)
            left += [batch[place] for place in places]
            yield True
        if left and not (is_any_taken and self.add(left)):
            return
        with suppress(OSError):
            os.unlink(path)
        if os.path.lexists(path):
            self._done.add(path)  # or it would go out for ever

    @contextmanager
    def _own_file(self) -> Iterator[BinaryIO]:
        while True:
            if not self._path:
                self._path = os.path.join(self.folder, f"{time.time_ns():020}-{os.getpid()}{ENDING}")
            with _opened(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as file:
                if file is not None and os.fstat(file.fileno()).st_size < SPOOL_FILE_BYTES:
                    yield file
                    return
            self._path = ""  # somebody delivers it, or it is large enough

    def _size_bytes(self) -> int:
        size = 0
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError):  # another process has just delivered it
                size += entry.stat(follow_symlinks=False).st_size
        return size


class Delivered(NamedTuple):
    """What became of what waited in one folder."""

    taken: int  #: entries that the server has now; what it knew before counts once
    refusals: list[str]  #: why each of those is lost that break its rules
    is_all: bool  #: whether nothing waits any more
    answer: Answer  #: what it said last


def deliver_folder(folder: str, post: Callable[[bytes, float], Answer]) -> Delivered:
    """Deliver what waits in a folder, as the program would have that recorded it."""
    refusals: list[str] = []
    spool, delivery = Spool(folder), Delivery(post, refuse=lambda _entry, reason: refusals.append(reason))
    for _ in spool.deliver(delivery):
        continue
    return Delivered(delivery.taken, refusals, not spool.paths(), delivery.answer)


def spool_folder(address: Address, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return where entries for a server wait: TITAN_SPOOL, else a folder of that server's below TITAN_HOME or ~/.titan.

    What goes to the server of the home, wherever that is, waits in one folder: it may come back on other ports. None
    in a job whose worker gave it no folder: there nobody would know later whose job it was.
    """
    given = environment.get(FOLDER)
    if given:
        return given
    if environment.get("TITAN_JOB_ID"):
        return None
    server = f"{address.host.replace('/', '_')}_{address.port}" if address.is_named else HOME_SERVER
    return os.path.join(home_of(environment), SPOOLS, server)


def folders_for(addresses: Iterable[Address], environment: Mapping[str, str]) -> list[str]:
    """Return the folders below TITAN_HOME of what waits for a server at these addresses, which are one machine's.

    Of the loopback's names a program may have said any; an address without a name stands for the home's server.
    """
    folders = []
    for address in addresses:
        names = LOOPBACK if address.is_named and address.host in LOOPBACK else (address.host,)
        for name in names:
            each = Address(name, address.port, is_named=address.is_named)
            folders.append(spool_folder(each, {"TITAN_HOME": home_of(environment)}))
    return [folder for folder in dict.fromkeys(folders) if folder is not None]


@contextmanager
def _opened(path: str, flags: int) -> Iterator[BinaryIO | None]:
    """Open a regular file and hold its lock; None where another process holds it, or has removed the file."""
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    with open(descriptor, "rb") as file:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        status = os.fstat(descriptor)
        try:
            yield file if status.st_nlink and stat.S_ISREG(status.st_mode) else None
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a process that was forked meanwhile holds the descriptor, too


def _append(file: BinaryIO, lines: bytes) -> None:
    size = os.fstat(file.fileno()).st_size
    if os.write(file.fileno(), lines) != len(lines):  # a full disk takes a part
        os.ftruncate(file.fileno(), size)
        raise OSError("the disk is full")


def _batches(file: BinaryIO) -> Iterator[list[str]]:
    """Yield the entries of a file, as many at once as are good for one request."""
    batch: list[str] = []
    size_bytes = 0
    for line in file:
        batch.append(line.decode("utf-8", "replace").rstrip("\n"))
        size_bytes += len(line)
        if len(batch) == BATCH_ENTRIES or size_bytes >= BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch
