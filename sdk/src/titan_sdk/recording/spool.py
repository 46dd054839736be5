"""A folder of request bodies that wait for the server: written whole or not at all, bounded, and oldest first."""

from __future__ import annotations

import os
import time

from titan_sdk.address import Address
from titan_sdk.home import home_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Spool", "folders_for", "spool_folder"]

FOLDER = "TITAN_SPOOL"
SPOOLS = "spool"  #: the folder of the home in which there is one for each server
HOME_SERVER = "home"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LARGEST_BYTES = 256 * 2**20  # a day of one busy agent: 100,000 calls of 2.5 KB
WHOLE = ".json"
_PARTIAL = ".partial"
ASIDE = ".aside"
_LOOK_EVERY = 64  # bodies: to look at a thousand files takes 3 ms
_DEAD_SECONDS = 3600.0  # a file that took so long to write is one of a process that was killed


class Spool:
    """Bodies on disk. Several processes may share a folder: what two of them deliver counts once at the server."""

    def __init__(self, folder: str, *, largest_bytes: int = LARGEST_BYTES) -> None:
        """Keep bodies in `folder`, which is made when the first one comes."""
        self.folder = folder
        self._largest_bytes = largest_bytes
        self._count = 0
        self._known_bytes = 0
        #: Of this process: the files, and how many entries are in each.
        self._added: dict[str, int] = {}
        #: why the last body was not kept
        self.problem = ""

    def add(self, body: bytes, *, entries: int = 1) -> bool:
        """Keep a body until it is delivered, also over the end of this process; return False when there is no room.

        The oldest are kept and the newest refused: the beginning explains what came later, not the other way round.
        """
        path = os.path.join(self.folder, f"{time.time_ns():020}-{os.getpid()}-{self._count}")
        try:
            if self._count % _LOOK_EVERY == 0:
                os.makedirs(self.folder, mode=0o700, exist_ok=True)
                self._known_bytes = self._size_bytes()
            self._count += 1
            if self._known_bytes + len(body) > self._largest_bytes:
                self._count = 0  # looks again with the next body: meanwhile some may be delivered
                self.problem = f"{self._known_bytes / 2**20:,.0f} MiB wait there already"
                return False
            _write(path, body)
        except OSError as error:
            self._count = 0
            self.problem = f"{error.strerror or error} (errno {error.errno})" if error.errno else str(error)
            return False
        self._known_bytes += len(body)
        self._added[path + WHOLE] = entries
        return True

    def waiting(self) -> int:
        """Return how many entries of this process wait, which neither it nor another one has delivered."""
        return sum(entries for path, entries in self._added.items() if os.path.exists(path))

    def add_aside(self, body: bytes) -> str | None:
        """Keep a body that is not to be tried again by itself; return where, None when that cannot be."""
        path = os.path.join(self.folder, f"{time.time_ns():020}-{os.getpid()}-{self._count}")
        try:
            _write(path, body, ASIDE)
        except OSError:
            return None
        self._count += 1
        return path + ASIDE

    def paths(self) -> list[str]:
        """Return the files that wait, oldest first; none when the folder cannot be read."""
        try:
            entries = [entry for entry in os.scandir(self.folder) if entry.name.endswith(WHOLE)]
            return sorted(entry.path for entry in entries if entry.is_file(follow_symlinks=False))
        except OSError:
            return []

    def _size_bytes(self) -> int:
        size = 0
        for entry in os.scandir(self.folder):
            try:
                found = entry.stat(follow_symlinks=False)
                if entry.name.endswith(_PARTIAL) and time.time() - found.st_mtime > _DEAD_SECONDS:
                    os.unlink(entry.path)
                else:
                    size += found.st_size
            except FileNotFoundError:
                continue  # another process has just delivered it
        return size


def spool_folder(address: Address, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return where bodies for a server wait: TITAN_SPOOL, else a folder of that server's below TITAN_HOME or ~/.titan.

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


def read(path: str) -> bytes | None:
    """Return a waiting body; None when another process has delivered it, or it is not for us to read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def forget(path: str) -> bool:
    """Remove a body that was delivered; return False when that cannot be done: it may go out again, and counts once."""
    try:
        os.unlink(path)
    except OSError:
        return not os.path.lexists(path)
    return True


def _write(path: str, body: bytes, ending: str = WHOLE) -> None:
    partial = path + _PARTIAL
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb", buffering=0) as file:
            if file.write(body) != len(body):  # a full disk takes a part
                raise OSError("the disk is full")
        os.rename(partial, path + ending)
    except OSError:
        forget(partial)
        raise
