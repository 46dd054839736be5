"""What lies in a folder that jobs write to, and which files have changed since it was last looked at.

A look asks the file system, never the jobs, so it finds what any program wrote in any way. What it costs (3.4 µs for
each file or folder, measured) is bounded: a folder whose mtime stands still is not read again; of more than 1,000 files
and folders a quick look takes only what is new and the 200 of each that changed last; the rest waits for a full look.
"""

import os
import stat
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from titan.worker.files.safe_open import open_folder

SMALL: Final = 1000  # files and folders that are all looked at each time: 3.4 ms
QUICK_LOOK: Final = 200  # of each, files and folders, of larger ones: 1.4 ms
STEP: Final = 500  # files, 1.7 ms: then others may look
MAX_FILES: Final = 100_000  # known of one workspace: some 40 MB, and 0.4 s for a full look
MAX_GLANCE: Final = 24  # files and folders, on the thread that starts jobs: 0.1 ms
MAX_PATH_BYTES: Final = 4000  # of a folder; PATH_MAX is 4,096, and what lies deeper has no name for most programs
UNSURE_NS: Final = 20_000_000  # a folder changed so lately may change again without a new mtime: ticks are 1 to 10 ms
NOT_LOOKED_INTO: Final = frozenset({"__pycache__"})  # what Python makes of its own accord is nobody's result
TOP: Final = ""


class Stamp(NamedTuple):
    """What distinguishes one state of a file from another."""

    mode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int  #: when the system last changed it, which no program can set
    inode: int


#: Stands for a folder whose files nobody can see.
CLOSED_FOLDER: Final = Stamp(stat.S_IFDIR, 0, 0, 0, 0)


@dataclass(slots=True)
class _Folder:
    mtime_ns: int = 0
    inode: int = 0
    is_sure: bool = False  #: whether an unchanged mtime means unchanged names
    files: dict[str, Stamp | None] = field(default_factory=dict)  #: None: new, and not looked at yet
    has_new: bool = False
    folders: list[str] = field(default_factory=list)  #: paths from the top


Changes: TypeAlias = dict[str, Stamp]


class FolderIndex:
    """The known state of everything below one folder. Used by one thread at a time."""

    def __init__(self, top: Path, path: str, *, is_new: bool = False) -> None:
        """Know the folder at `path` below `top`, which is trusted; `is_new`: it has just been made, and is empty."""
        self._top = top
        self._path = path
        self._root = top / path
        self._folders: dict[str, _Folder] = {}
        self._recent_files: OrderedDict[str, None] = OrderedDict()
        self._recent_folders: OrderedDict[str, None] = OrderedDict()
        self._closed: set[str] = set()  # folders that cannot be read, and have been logged
        self._file_count = 0
        self.is_cut = False  #: whether there are more files than are looked at
        if is_new:
            self._folders[TOP] = _Folder()

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
        """Whether each look is a full one."""
        return self.size <= SMALL

    def add(self, path: str, stamp: Stamp) -> None:
        """Know a file that has just been made, in a folder that is known."""
        above, _, name = path.rpartition("/")
        folder = self._folders.get(above)
        if folder is not None and self._file_count < MAX_FILES:
            self._file_count += name not in folder.files
            folder.files[name] = stamp

    def is_unchanged(self) -> bool:
        """Return whether nothing changed, in at most 0.1 ms; False when that is not known so soon."""
        if not self.is_known or self.size > MAX_GLANCE:
            return False
        try:
            return all(self._is_unchanged(path, folder) for path, folder in self._folders.items())
        except OSError:
            return False

    def look(self, *, quick: bool = False) -> Iterator[Changes]:
        """Yield, in steps of a few ms, the files that are new or changed, by path; what is gone is forgotten.

        A folder that cannot be read is reported like a file. Between two steps another look may go on. A quick look
        differs from a full one where the folder is not `is_small`.
        """
        is_full = not quick or self.is_small
        pending = [TOP] if is_full else [path for path in self._recent_folders if path in self._folders]
        while pending:
            path = pending.pop()
            changes: Changes = {}
            folder = self._read_if_changed(path, changes)
            if changes:
                yield changes
            if folder is not None:
                pending += [below for below in folder.folders if is_full or below not in self._folders]
                if is_full or folder.has_new:
                    names = [name for name, stamp in folder.files.items() if is_full or stamp is None]
                    folder.has_new = False
                    yield from self._steps(_prefix(path), names)
        if not is_full:
            yield from self._steps("", list(self._recent_files))

    def _is_unchanged(self, path: str, folder: _Folder) -> bool:
        place = self._place(path)
        if not folder.is_sure or not _is_same(folder, os.lstat(place)):
            names = {*folder.files, *(below.rpartition("/")[2] for below in folder.folders)}
            with os.scandir(place) as entries:
                if any(entry.name not in names for entry in entries):
                    return False
        return all(stamp_of(os.lstat(f"{place}/{name}")) == known for name, known in folder.files.items())

    def _read_if_changed(self, path: str, changes: Changes) -> _Folder | None:
        """Bring the names in a folder up to date; return it, or None when it is gone or closed to us."""
        folder = self._folders.get(path)
        try:
            if folder is None or not folder.is_sure or not _is_same(folder, os.lstat(self._place(path))):
                folder = self._read(path)
        except OSError as cause:
            self._drop(path)
            if path == TOP:
                self._folders[TOP] = _Folder()
            elif isinstance(cause, PermissionError) and path not in self._closed:
                self._closed.add(path)
                changes[path] = CLOSED_FOLDER
            return None
        return folder

    def _read(self, path: str) -> _Folder:
        """Read the names in a folder: of the files only those that are new or others are to be looked at."""
        folder = self._folders.setdefault(path, _Folder())
        descriptor = open_folder(self._top, f"{self._path}/{path}")
        try:
            status = os.fstat(descriptor)
            with os.scandir(descriptor) as entries:
                files, folders = self._sorted(path, folder, entries)
        finally:
            os.close(descriptor)
        folder.mtime_ns, folder.inode = status.st_mtime_ns, status.st_ino
        folder.is_sure = time.time_ns() - status.st_mtime_ns > UNSURE_NS
        for gone in set(folder.folders) - set(folders):
            self._drop(gone)
        self._file_count += len(files) - len(folder.files)
        folder.files, folder.folders, folder.has_new = files, folders, None in files.values()
        self._closed.discard(path)
        _note_recent(self._recent_folders, path)
        return folder

    def _sorted(
        self, path: str, folder: _Folder, entries: "Iterator[os.DirEntry[str]]"
    ) -> tuple[dict[str, Stamp | None], list[str]]:
        """Return the files and the folders among `entries`; a file that is the same as before keeps its stamp."""
        prefix, room = _prefix(path), MAX_FILES - self._file_count + len(folder.files)
        files: dict[str, Stamp | None] = {}
        folders: list[str] = []
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if name not in NOT_LOOKED_INTO and len(os.fsencode(prefix + name)) <= MAX_PATH_BYTES:
                    folders.append(prefix + name)
            elif len(files) < room:
                known = folder.files.get(name)
                files[name] = known if known is not None and known.inode == entry.inode() else None
            else:
                self.is_cut = True
        return files, folders

    def _steps(self, prefix: str, names: list[str]) -> Iterator[Changes]:
        for start in range(0, len(names), STEP):
            changes: Changes = {}
            for name in names[start : start + STEP]:
                self._look_at(prefix + name, changes)
            yield changes

    def _look_at(self, path: str, changes: Changes) -> None:
        above, _, name = path.rpartition("/")
        folder = self._folders.get(above)
        if folder is None or name not in folder.files:
            self._recent_files.pop(path, None)
            return
        try:
            found = stamp_of(os.lstat(self._place(path)))
        except OSError:  # it has vanished
            del folder.files[name]
            self._file_count -= 1
            return
        if found != folder.files[name]:
            folder.files[name] = changes[path] = found
            _note_recent(self._recent_files, path)

    def _place(self, path: str) -> str:
        return f"{self._root}/{path}" if path else str(self._root)

    def _drop(self, path: str) -> None:
        """Forget a folder and all that lies below it."""
        pending = [path]
        while pending:
            folder = self._folders.pop(pending.pop(), None)
            if folder is not None:
                self._file_count -= len(folder.files)
                pending += folder.folders


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the state that a file is in."""
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
