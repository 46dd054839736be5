"""What lies in a folder that jobs write to, and which files have changed since it was last looked at.

A look asks the file system, never the jobs, so it finds what any program wrote in any way. What it costs (3.4 µs for
each file or folder, measured) is bounded: a folder whose mtime stands still is not read again; of more than 1,000 files
and folders a quick look takes only the 500 of each that changed last, and the rest waits for a full look.
"""

import os
import stat
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from titan.engine.worker.beneath import open_folder

QUICK_LOOK: Final = 500  # of each, files and folders: 3.4 ms
MAX_FILES: Final = 100_000  # known of one workspace: some 40 MB, and 0.4 s for a full look
MAX_GLANCE: Final = 24  # files and folders, on the thread that starts jobs: 0.1 ms
MAX_PATH_BYTES: Final = 4000  # of a folder; PATH_MAX is 4,096, and what lies deeper has no name for most programs
UNSURE_NS: Final = 20_000_000  # a folder changed so lately may change again without a new mtime: ticks are 1 to 10 ms
NOT_LOOKED_INTO: Final = frozenset({"__pycache__"})  # what Python makes of its own accord is nobody's result
TOP: Final = ""


class Stamp(NamedTuple):
    """What tells one state of a file from another."""

    mode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int  #: when the system last changed it, which no program can set
    inode: int


#: Stands for a folder whose files nobody can see.
CLOSED_FOLDER: Final = Stamp(stat.S_IFDIR, 0, 0, 0, 0)


@dataclass(slots=True)
class _Folder:
    mtime_ns: int
    inode: int
    is_sure: bool  #: whether an unchanged mtime means unchanged names
    files: dict[str, Stamp] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)  #: paths from the top

    @property
    def is_empty(self) -> bool:
        return not self.files and not self.folders


class FolderIndex:
    """The known state of everything below one folder. Used by one thread at a time."""

    def __init__(self, top: Path, path: str, *, is_new: bool = False) -> None:
        """Know the folder at `path` below `top`, which is trusted; `is_new`: it has just been made, and is empty."""
        self._top = top
        self._path = path
        self._root = top / path if path else top
        self._folders: dict[str, _Folder] = {}
        self._recent_files: OrderedDict[str, None] = OrderedDict()
        self._recent_folders: OrderedDict[str, None] = OrderedDict()
        self._closed: set[str] = set()  # folders that cannot be read, and have been told of
        self._file_count = 0
        self.is_cut = False  #: whether there are more files than are looked at
        if is_new:
            self._folders[TOP] = _Folder(mtime_ns=0, inode=0, is_sure=False)

    @property
    def is_known(self) -> bool:
        """Whether it was looked at before, so that what a look finds is new."""
        return TOP in self._folders

    @property
    def size(self) -> int:
        """How many files and folders are known."""
        return self._file_count + len(self._folders)

    @property
    def is_small(self) -> bool:
        """Whether a quick look is a full one."""
        return self.size <= 2 * QUICK_LOOK

    def is_unchanged(self) -> bool:
        """Tell whether nothing changed, in at most 0.1 ms; False when that cannot be told so soon."""
        if not self.is_known or self.size > MAX_GLANCE:
            return False
        try:
            return all(self._is_unchanged(path, folder) for path, folder in self._folders.items())
        except OSError:
            return False

    def look(self, *, quick: bool = False) -> dict[str, Stamp]:
        """Return the files that are new or changed, by path; what is gone is forgotten.

        A folder that cannot be read is returned like a file. A quick look is for what `is_small` is not.
        """
        changed: dict[str, Stamp] = {}
        if not quick or self.is_small:
            self._look_into(TOP, changed)
        else:
            for path in list(self._recent_folders):
                if path in self._folders:
                    self._look_into(path, changed, deep=False)
            self._look_at_recent_files(changed)
        for path in changed:
            _note_recent(self._recent_files, path)
        return changed

    def _is_unchanged(self, path: str, folder: _Folder) -> bool:
        place = self._place(path)
        if folder.is_empty:
            with os.scandir(place) as entries:
                return next(entries, None) is None
        if not folder.is_sure or not _is_same(folder, os.lstat(place)):
            return False
        return all(_stamp(os.lstat(f"{place}/{name}")) == known for name, known in folder.files.items())

    def _look_into(self, path: str, changed: dict[str, Stamp], *, deep: bool = True) -> None:
        """Look at a folder and, when `deep`, at all that lie below it; at those that are new in any case."""
        pending = [path]
        while pending:
            below = self._look_at_folder(pending.pop(), changed)
            pending += below if deep else [each for each in below if each not in self._folders]

    def _look_at_folder(self, path: str, changed: dict[str, Stamp]) -> list[str]:
        """Bring what is known of one folder up to date; return the paths of the folders in it."""
        known = self._folders.get(path)
        try:
            if known is not None and known.is_sure and _is_same(known, os.lstat(self._place(path))):
                self._look_at_files(path, known, changed)
                return known.folders
            return self._read_folder(path, known, changed)
        except OSError as cause:
            self._drop(path)
            if path == TOP:
                self._folders[TOP] = _Folder(mtime_ns=0, inode=0, is_sure=False)
            elif isinstance(cause, PermissionError) and path not in self._closed:
                self._closed.add(path)
                changed[path] = CLOSED_FOLDER
        return []

    def _look_at_files(self, path: str, folder: _Folder, changed: dict[str, Stamp]) -> None:
        place, prefix = self._place(path), _prefix(path)
        for name, known in list(folder.files.items()):
            try:
                found = _stamp(os.lstat(f"{place}/{name}"))
            except OSError:
                self._remove(folder, name)
                continue
            if found != known:
                folder.files[name] = changed[prefix + name] = found

    def _read_folder(self, path: str, known: _Folder | None, changed: dict[str, Stamp]) -> list[str]:
        descriptor = open_folder(self._top, "/".join(filter(None, (self._path, path))))
        try:
            status = os.fstat(descriptor)
            folder = _Folder(status.st_mtime_ns, status.st_ino, time.time_ns() - status.st_mtime_ns > UNSURE_NS)
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    self._take(path, entry, folder, known, changed)
        finally:
            os.close(descriptor)
        self._file_count += len(folder.files) - (len(known.files) if known else 0)
        for gone in set(known.folders) - set(folder.folders) if known else ():
            self._drop(gone)
        self._folders[path] = folder
        self._closed.discard(path)
        _note_recent(self._recent_folders, path)
        return folder.folders

    def _take(
        self, path: str, entry: "os.DirEntry[str]", folder: _Folder, known: _Folder | None, changed: dict[str, Stamp]
    ) -> None:
        prefix, name = _prefix(path), entry.name
        if entry.is_dir(follow_symlinks=False):
            if name not in NOT_LOOKED_INTO and len(os.fsencode(prefix + name)) <= MAX_PATH_BYTES:
                folder.folders.append(prefix + name)
            return
        if self._file_count + len(folder.files) >= MAX_FILES:
            self.is_cut = True
            return
        try:
            found = _stamp(entry.stat(follow_symlinks=False))
        except OSError:  # it has vanished
            return
        folder.files[name] = found
        if known is None or known.files.get(name) != found:
            changed[prefix + name] = found

    def _look_at_recent_files(self, changed: dict[str, Stamp]) -> None:
        for path in list(self._recent_files):
            above, _, name = path.rpartition("/")
            folder = self._folders.get(above)
            if folder is None or name not in folder.files:
                del self._recent_files[path]
                continue
            try:
                found = _stamp(os.lstat(self._place(path)))
            except OSError:
                self._remove(folder, name)
                continue
            if found != folder.files[name]:
                folder.files[name] = changed[path] = found

    def _place(self, path: str) -> str:
        return f"{self._root}/{path}" if path else str(self._root)

    def _remove(self, folder: _Folder, name: str) -> None:
        del folder.files[name]
        self._file_count -= 1

    def _drop(self, path: str) -> None:
        """Forget a folder and all that lies below it."""
        pending = [path]
        while pending:
            folder = self._folders.pop(pending.pop(), None)
            if folder is not None:
                self._file_count -= len(folder.files)
                pending += folder.folders


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _is_same(folder: _Folder, status: os.stat_result) -> bool:
    return status.st_mtime_ns == folder.mtime_ns and status.st_ino == folder.inode


def _prefix(path: str) -> str:
    return f"{path}/" if path else ""


def _note_recent(recent: OrderedDict[str, None], path: str) -> None:
    recent[path] = None
    recent.move_to_end(path)
    if len(recent) > QUICK_LOOK:
        recent.popitem(last=False)
