"""Finds the files that attempts changed in their workspace, and attributes each to the attempts that ran at the time.

Jobs share a workspace, and no file says who wrote it. So a changed file is attributed to every attempt that was running
when the system last changed it (ctime, which no program can set); with one attempt at a time that is the writer.
"""

import os
import secrets
import stat
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from titan.model.files import FilePlace
from titan.worker.files.safe_files import open_folder

MAX_ENTRIES: Final = 100_000  # files and folders of one workspace: some 40 MB, and 0.4 s to scan
MAX_GLANCE: Final = 24  # files and folders that the supervisor's own thread scans: 0.1 ms
MAX_PATH_BYTES: Final = 4000  # of a folder; PATH_MAX is 4,096, and most programs cannot name what lies deeper
NOT_SCANNED: Final = frozenset({"__pycache__"})  # Python makes it unasked
MAX_KNOWN: Final = 200  # workspaces whose files are remembered; in others a next attempt's changes are found by ctime
MAX_KNOWN_FILES: Final = 300_000  # in all of them: some 120 MB
FORGET_EVERY: Final = 16  # new workspaces; to count all files takes as long as ten glances
_CLOCK_REALTIME_COARSE: Final = 5  # the clock that Linux stamps files with, clock_gettime(2); one tick behind at most


class Stamp(NamedTuple):
    """Distinguishes one state of a file from another."""

    mode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int  #: when the system last changed it, which no program can set
    inode: int


#: Stands for a folder that cannot be read.
CLOSED_FOLDER: Final = Stamp(stat.S_IFDIR, 0, 0, 0, 0)


def scan(top: Path, path: str) -> Iterator[tuple[str, Stamp | None]]:
    """Yield the path and state of each file below the folder at `path` below `top`; of each folder, None as its state.

    Links are files. A folder that cannot be read has the state CLOSED_FOLDER.
    """
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            descriptor = open_folder(top, f"{path}/{folder}")
        except OSError as cause:
            if folder and isinstance(cause, PermissionError):
                yield folder, CLOSED_FOLDER
            continue
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    below = f"{folder}/{entry.name}" if folder else entry.name
                    try:
                        stamp = (
                            None if entry.is_dir(follow_symlinks=False) else stamp_of(entry.stat(follow_symlinks=False))
                        )
                    except OSError:  # it was removed meanwhile, or its folder lets nobody look at files
                        continue
                    if stamp is None:
                        if entry.name not in NOT_SCANNED and len(os.fsencode(below)) <= MAX_PATH_BYTES:
                            pending.append(below)
                            yield below, None
                    else:
                        yield below, stamp
        finally:
            os.close(descriptor)


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the state that a file is in."""
    return Stamp(status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(slots=True)
class _Stay:
    """One attempt's time in a workspace, by the clock of files."""

    began_ns: int
    ended_ns: int | None = None
    is_lost: bool = False  #: its files are not collected, and not attributed to other attempts
    files: dict[str, Stamp] = field(default_factory=dict)  #: found so far, and not taken yet

    def covers(self, moment_ns: int) -> bool:
        return self.began_ns <= moment_ns and (self.ended_ns is None or moment_ns <= self.ended_ns)


class Workspace:
    """A folder and the attempts in it. Used by any thread.

    `begin` and `end` take no lock: the supervisor, which calls them, must not wait for a scan.
    """

    def __init__(self, top: Path, path: str, place: FilePlace, *, is_new: bool = False) -> None:
        """The folder at `path` below `top`, which is trusted; `is_new`: it has just been made, and is empty."""
        self.top = top
        self.path = path
        self.place = place
        #: Whether it holds more files than are scanned.
        self.is_cut = False
        self._files: dict[str, Stamp] | None = {} if is_new else None  #: at the last scan; None: there was none
        self._stays: dict[str, _Stay] = {}
        self._scripts: dict[str, tuple[int, int, int]] = {}  # by path, what shows that no job has changed it
        self._lock = threading.Lock()
        self._scanned_at_ns = 0
        self._next_scan_at = 0.0

    @property
    def is_in_use(self) -> bool:
        """Whether an attempt runs in it, or its files are being collected."""
        return not all(stay.is_lost for stay in list(self._stays.values()))

    @property
    def size(self) -> int:
        """How many files are known."""
        return len(self._files or ())

    def learn(self) -> None:
        """Take all files that are there now for old ones."""
        with self._lock:
            self._files = self._scan()

    def expect(self, path: str, stamp: Stamp) -> None:
        """Note that the worker puts a script there: while it stays as it is, it is no attempt's file."""
        self._scripts[path] = _content_of(stamp)

    def is_settled(self, path: str, status: os.stat_result) -> bool:
        """Return whether a file is the worker's own script, or older than every attempt that runs now.

        A running attempt may be about to write the next version of a newer one.
        """
        stamp = stamp_of(status)
        running = [stay for stay in list(self._stays.values()) if stay.ended_ns is None]
        return self._is_script(path, stamp) or all(stay.began_ns > stamp.ctime_ns for stay in running)

    def begin(self, lease_id: str) -> None:
        """Note that an attempt begins."""
        self._stays[lease_id] = _Stay(file_clock_ns())

    def end(self, lease_id: str) -> None:
        """Note that all processes of an attempt have ended."""
        self._stays[lease_id].ended_ns = time.time_ns()

    def lose(self, lease_id: str) -> None:
        """Note that an attempt has ended whose files are not collected; it is forgotten with the next scan."""
        stay = self._stays[lease_id]
        stay.ended_ns, stay.is_lost = time.time_ns(), True

    def close(self, lease_id: str) -> None:
        """Forget an attempt."""
        self._stays.pop(lease_id, None)

    def is_untouched(self, lease_id: str) -> bool:
        """Return whether an attempt left nothing, in at most 0.1 ms; False when that is not known so soon."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            known = self._files
            if known is None or len(known) > MAX_GLANCE or self._stays[lease_id].files:
                return False
            found = list(islice(scan(self.top, self.path), MAX_GLANCE + 1))
        except OSError:
            return False
        else:
            return len(found) <= MAX_GLANCE and all(
                stamp is None or known.get(path) == stamp or self._is_script(path, stamp) for path, stamp in found
            )
        finally:
            self._lock.release()

    def seconds_to_look(self, lease_id: str) -> float:
        """Return in how many seconds `look` may scan for an attempt: scans take half of the time at most."""
        return 0.0 if self._was_scanned_for(lease_id) else max(0.0, self._next_scan_at - time.monotonic())

    def look(self, lease_id: str) -> None:
        """Find what changed since the last scan, for all attempts; a scan since the end of this one is enough.

        A change in the time of no attempt is attributed to this one.
        """
        with self._lock:
            if self._was_scanned_for(lease_id):
                return
            began_ns, began = time.time_ns(), time.monotonic()
            known, asking = self._files, None if self._files is None or self.is_cut else lease_id
            self._files = self._scan()
            for path, stamp in self._files.items():
                if known is None or known.get(path) != stamp:
                    self._attribute(path, stamp, asking=asking)
            self._scanned_at_ns = began_ns
            self._next_scan_at = 2 * time.monotonic() - began
            for other, stay in list(self._stays.items()):
                if stay.is_lost and stay.ended_ns is not None and stay.ended_ns <= began_ns:
                    del self._stays[other]

    def take(self, lease_id: str) -> Mapping[str, Stamp]:
        """Return, once each, the files that were found for an attempt."""
        with self._lock:
            stay = self._stays[lease_id]
            files, stay.files = stay.files, {}
            return files

    def _was_scanned_for(self, lease_id: str) -> bool:
        ended_ns = self._stays[lease_id].ended_ns
        return ended_ns is not None and ended_ns <= self._scanned_at_ns

    def _scan(self) -> dict[str, Stamp]:
        found = list(islice(scan(self.top, self.path), MAX_ENTRIES + 1))
        self.is_cut = len(found) > MAX_ENTRIES
        return {path: stamp for path, stamp in found if stamp is not None}

    def _is_script(self, path: str, stamp: Stamp) -> bool:
        return self._scripts.get(path) == _content_of(stamp)

    def _attribute(self, path: str, stamp: Stamp, *, asking: str | None) -> None:
        if self._is_script(path, stamp):
            return
        stays = [stay for stay in list(self._stays.values()) if stay.covers(stamp.ctime_ns)]
        if not stays and asking is not None:
            stays = [self._stays[asking]]
        for stay in stays:
            stay.files[path] = stamp


class Workspaces:
    """The workspaces of a worker, by their folders."""

    def __init__(self, top: Path) -> None:
        """All lie below `top`."""
        self._top = top
        self._known: OrderedDict[Path, Workspace] = OrderedDict()
        self._made_count = 0

    def find(self, folder: Path, *, is_new: bool) -> Workspace:
        """Return the workspace at `folder`, and forget idle ones that were used longest ago."""
        workspace = self._known.get(folder)
        if workspace is None or is_new:
            path = folder.relative_to(self._top).as_posix()
            workspace = self._known[folder] = Workspace(self._top, path, FilePlace.WORKSPACE, is_new=is_new)
            self._made_count += 1
            if self._made_count % FORGET_EVERY == 0:
                self._forget_idle(newest=folder)
        self._known.move_to_end(folder)
        return workspace

    def _forget_idle(self, newest: Path) -> None:
        file_count = sum(workspace.size for workspace in self._known.values())
        for folder, workspace in list(self._known.items()):
            if len(self._known) <= MAX_KNOWN and file_count <= MAX_KNOWN_FILES:
                return
            if folder != newest and not workspace.is_in_use:
                file_count -= workspace.size
                del self._known[folder]


def _content_of(stamp: Stamp) -> tuple[int, int, int]:
    """Return what stays the same until somebody writes to a file; its ctime changes when it gets its name."""
    return stamp.inode, stamp.size_bytes, stamp.mtime_ns


def node_of(folder: Path) -> str:
    """Return the id of a worker's folder, made at the first call: workers of one host may have the same name."""
    mark = folder / "node"
    if not mark.is_file():
        partial = folder / "node.partial"
        partial.write_text(secrets.token_hex(8))
        partial.replace(mark)
    return mark.read_text()


def file_clock_ns() -> int:
    """Return the earliest time that a file changed now can be stamped with, in ns since 1970."""
    return time.clock_gettime_ns(_CLOCK_REALTIME_COARSE) if sys.platform == "linux" else time.time_ns()
