"""Which attempt changed which file: the folders that attempts write to, and who was running when.

Jobs share a workspace, and no file says who wrote it. So a changed file is named for every attempt that was running
when the system last changed it (ctime, which no program can set); with one attempt at a time that is the one that wrote
it. Any thread may use these; the supervisor's begins and ends stays without a lock, for it must not wait for a look.
"""

import os
import secrets
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from titan.model.files import FilePlace
from titan.worker.files.folder_index import FolderIndex, Stamp, stamp_of

MAX_KNOWN: Final = 200  # workspaces whose state is remembered; of others, a next attempt's changes are found by ctime
MAX_KNOWN_FILES: Final = 300_000  # in all of them: some 120 MB
FORGET_EVERY: Final = 16  # new workspaces; to count all files takes as long as ten glances
FULL_LOOK_PAUSE: Final = 20  # times as long as it took: full looks at a large folder take at most 5 % of the time
_CLOCK_REALTIME_COARSE: Final = 5  # the clock that Linux stamps files with, clock_gettime(2); one tick behind at most


@dataclass(slots=True)
class _Stay:
    """One attempt's time in a folder, by the clock of files."""

    began_ns: int
    ended_ns: int | None = None
    is_dead: bool = False  #: nobody wants its files, and no other attempt is to be named for them
    files: dict[str, Stamp] = field(default_factory=dict)  #: found so far, and not taken yet

    def covers(self, moment_ns: int) -> bool:
        return self.began_ns <= moment_ns and (self.ended_ns is None or moment_ns <= self.ended_ns)


class Workspace:
    """One folder and the attempts in it."""

    def __init__(self, top: Path, path: str, place: FilePlace, *, is_new: bool = False) -> None:
        """The folder at `path` below `top`, which is trusted; `is_new`: it has just been made, and is empty."""
        self.top = top
        self.path = path
        self.place = place
        self._index = FolderIndex(top, path, is_new=is_new)
        self._stays: dict[str, _Stay] = {}
        self._scripts: dict[str, tuple[int, int, int]] = {}  # by path, what shows that no job has changed it
        self._lock = threading.Lock()
        self._looked_fully_at_ns = 0
        self._next_full_look = 0.0

    @property
    def is_in_use(self) -> bool:
        """Whether an attempt runs in it, or is being looked after."""
        return not all(stay.is_dead for stay in list(self._stays.values()))

    @property
    def size(self) -> int:
        """How many files and folders of it are known."""
        return self._index.size

    @property
    def is_cut(self) -> bool:
        """Whether it holds more files than are looked at."""
        return self._index.is_cut

    def learn(self) -> None:
        """Know what lies in it now as old."""
        with self._lock:
            for _ in self._index.look():
                continue

    def expect(self, path: str, stamp: Stamp) -> None:
        """Note that the worker is about to put a script there: it is no attempt's file while it stays as it is."""
        self._scripts[path] = _unchanged(stamp)

    def know(self, path: str, stamp: Stamp) -> None:
        """Spare the next glance a look, for what the worker has put there; a look that is under way will see it."""
        if self._lock.acquire(blocking=False):
            try:
                self._index.add(path, stamp)
            finally:
                self._lock.release()

    def is_settled(self, path: str, status: os.stat_result) -> bool:
        """Tell whether a file is the worker's own, or was there before every attempt that runs now.

        Another one's writer may be about to write the next version.
        """
        stamp = stamp_of(status)
        if self._scripts.get(path) == _unchanged(stamp):
            return True
        running = [stay for stay in list(self._stays.values()) if stay.ended_ns is None]
        return all(stay.began_ns > stamp.ctime_ns for stay in running)

    def begin(self, lease_id: str) -> None:
        """Note that an attempt begins."""
        self._stays[lease_id] = _Stay(file_clock_ns())

    def end(self, lease_id: str) -> None:
        """Note that all processes of an attempt have ended."""
        self._stays[lease_id].ended_ns = time.time_ns()

    def is_untouched(self, lease_id: str) -> bool:
        """Return whether an attempt left nothing, in at most 0.1 ms; False when that is not known so soon."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            return not self._stays[lease_id].files and self._index.is_unchanged()
        finally:
            self._lock.release()

    def look(self, lease_id: str, *, quick: bool) -> None:
        """Find what changed, for all attempts; what none of them was running for goes to this one."""
        with self._lock:
            was_known = self._index.is_known
            is_full = not quick or self._index.is_small
        began_ns, began = time.time_ns(), time.monotonic()
        steps = self._index.look(quick=not is_full)
        while self._take_step(steps, asking=lease_id if was_known else None):
            continue
        if is_full:
            self._looked_fully_at_ns = began_ns
            self._next_full_look = time.monotonic() + FULL_LOOK_PAUSE * (time.monotonic() - began)
            self._forget_the_dead(began_ns)

    def take(self, lease_id: str) -> Mapping[str, Stamp]:
        """Return, once each, the files that were found for an attempt."""
        with self._lock:
            stay = self._stays[lease_id]
            files, stay.files = stay.files, {}
            return files

    def seconds_to_full_look(self, lease_id: str) -> float | None:
        """Return in how many seconds a full look is due for an ended attempt; None when there was one since."""
        with self._lock:
            ended_ns = self._stays[lease_id].ended_ns
            if ended_ns is not None and ended_ns <= self._looked_fully_at_ns:
                return None
            return max(0.0, self._next_full_look - time.monotonic())

    def close(self, lease_id: str) -> None:
        """Forget an attempt."""
        self._stays.pop(lease_id, None)

    def bury(self, lease_id: str) -> None:
        """Forget an attempt whose files nobody wants, once they are known as old."""
        stay = self._stays[lease_id]
        stay.ended_ns, stay.is_dead = time.time_ns(), True

    def _take_step(self, steps: Iterator[Mapping[str, Stamp]], *, asking: str | None) -> bool:
        """Take one step of a look, alone; return whether there may be more."""
        with self._lock:
            changes = next(steps, None)
            for path, stamp in (changes or {}).items():
                self._attribute(path, stamp, asking=asking)
        return changes is not None

    def _forget_the_dead(self, looked_at_ns: int) -> None:
        for lease_id, stay in list(self._stays.items()):
            if stay.is_dead and stay.ended_ns is not None and stay.ended_ns <= looked_at_ns:
                del self._stays[lease_id]

    def _attribute(self, path: str, stamp: Stamp, *, asking: str | None) -> None:
        if self._scripts.get(path) == _unchanged(stamp):
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
        """Return the workspace at `folder`; used longest ago and idle ones are forgotten."""
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
        """Forget workspaces that no attempt is in, those used longest ago first, until few enough are known."""
        file_count = sum(workspace.size for workspace in self._known.values())
        for folder, workspace in list(self._known.items()):
            if len(self._known) <= MAX_KNOWN and file_count <= MAX_KNOWN_FILES:
                return
            if folder != newest and not workspace.is_in_use:
                file_count -= workspace.size
                del self._known[folder]


def _unchanged(stamp: Stamp) -> tuple[int, int, int]:
    """Return what stays as long as nobody writes to a file; its ctime changes when it is given its name."""
    return stamp.inode, stamp.size_bytes, stamp.mtime_ns


def node_of(folder: Path) -> str:
    """Return the mark of a worker's folder, made at the first call: workers of one host may have the same name."""
    mark = folder / "node"
    if not mark.is_file():
        partial = folder / "node.partial"
        partial.write_text(secrets.token_hex(8))
        partial.replace(mark)
    return mark.read_text()


def file_clock_ns() -> int:
    """Return the time that a file changed now is stamped with at the earliest, in ns since 1970."""
    return time.clock_gettime_ns(_CLOCK_REALTIME_COARSE) if sys.platform == "linux" else time.time_ns()
