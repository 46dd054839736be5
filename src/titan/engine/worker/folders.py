"""Where attempts live on disk: a folder for each attempt's script, a file for its output, a workspace for its run."""

import logging
import os
import shutil
import stat
import threading
from collections import deque
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from titan.engine.protocol import Assignment

logger = logging.getLogger(__name__)

_WORKSPACE: Final = Path("titan_workspace", "shared")  # where the original's jobs find their working directory
_SPARE_WORKSPACES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFiles:
    """The files of one attempt."""

    script: Path  #: alone in its folder
    log: Path  #: beside that folder, so that a script may have any name
    directory: Path  #: the working directory, shared by all attempts of the same agent run


class AttemptFolders:
    """The attempts and workspaces below one worker's folder.

    Folders and files of ended attempts are used again: ext4 does not give out the inodes it deleted in the last 5 s,
    and passing over them makes three new ones for each job cost more than the rest of the worker's part. Used from two
    threads: one prepares, the other discards; a third one may ask for idle workspaces and delete them.
    """

    def __init__(self, folder: Path) -> None:
        """Use `folder`, making it if needed, and remove the attempts that an earlier worker left."""
        self._attempts = folder / "attempts"
        self._workspaces = folder / "workspaces"
        self._numbers = count(1)
        self._used: dict[str, AttemptFiles] = {}
        self._free: deque[AttemptFiles] = deque()
        self._spare_workspaces: deque[Path] = deque()
        self._workspaces_lock = threading.Lock()
        shutil.rmtree(self._attempts, ignore_errors=True)
        self._attempts.mkdir(parents=True, exist_ok=True)
        self._workspaces.mkdir(exist_ok=True)
        self._prepare_workspaces()

    def prepare(self, assignment: Assignment, content: bytes) -> AttemptFiles:
        """Write the script and make the workspace; the log is missing or empty.

        Raises:
            OSError: the disk is full or not writable; nothing is left to discard.
        """
        folder, log = self._take_folder(assignment.filename)
        script = folder / os.path.basename(assignment.filename)
        with open(script, "wb", buffering=0) as file:
            file.write(content)
        with self._workspaces_lock:
            files = AttemptFiles(script=script, log=log, directory=self._workspace(assignment))
            self._used[assignment.lease_id] = files
        return files

    def discard(self, lease_id: str) -> None:
        """Let go of an attempt's script and output; its workspace stays. One that has none is fine."""
        files = self._used.pop(lease_id, None)
        if files is None:
            return
        try:
            os.utime(_folder_of(files))  # when it was used last, for later workers too
        except OSError:
            logger.debug("a job has removed its own workspace %s", files.directory)
        try:
            _clean(files)
            self._free.append(files)
            self._prepare_workspaces()
        except OSError:  # nothing waits for it: the next attempt gets a new folder
            logger.warning("the folder %s cannot be used again", files.script.parent, exc_info=True)

    def idle_workspaces(self) -> dict[str, float]:
        """Return workspace → when an attempt used it last, in seconds since 1970, of those that none uses now."""
        entries = [entry for entry in os.scandir(self._workspaces) if entry.is_dir(follow_symlinks=False)]
        last_uses = {entry.name: entry.stat(follow_symlinks=False).st_mtime for entry in entries}
        with self._workspaces_lock:
            busy = self._busy()
        return {name: last_use for name, last_use in last_uses.items() if name not in busy}

    def delete_workspace(self, name: str, *, last_use: float) -> bool:
        """Delete a workspace, unless an attempt has used it since `last_use`; return whether it went.

        Raises:
            OSError: it cannot be moved away or deleted.
        """
        folder, grave = self._workspaces / name, self._attempts / f"deleted{next(self._numbers)}"
        with self._workspaces_lock:
            if name in self._busy() or not folder.is_dir() or folder.stat().st_mtime != last_use:
                return False
            folder.rename(grave)
        shutil.rmtree(grave)
        return True

    def _busy(self) -> set[str]:
        return {_folder_of(files).name for files in list(self._used.values())}

    def _take_folder(self, filename: str) -> tuple[Path, Path]:
        """Return a folder that is empty, or holds only a file that may be overwritten, and its log."""
        if not self._free:
            folder = self._attempts / str(next(self._numbers))
            folder.mkdir(mode=0o700)
            return folder, self._attempts / f"{folder.name}.log"
        files = self._free.popleft()
        if files.script.name != filename:
            files.script.unlink(missing_ok=True)
        return files.script.parent, files.log

    def _workspace(self, assignment: Assignment) -> Path:
        folder = self._workspaces / os.path.basename(assignment.workspace)
        workspace = folder / _WORKSPACE
        if workspace.is_dir():
            return workspace
        try:
            self._spare_workspaces.popleft().rename(folder)
        except (IndexError, OSError):  # none is spare, or something stands there already
            workspace.mkdir(parents=True, exist_ok=True)
        return workspace

    def _prepare_workspaces(self) -> None:
        """Make workspaces ahead: three new folders take as long as a trivial job, and here nobody waits for them."""
        while len(self._spare_workspaces) < _SPARE_WORKSPACES:
            spare = self._attempts / f"workspace{next(self._numbers)}"
            (spare / _WORKSPACE).mkdir(parents=True)
            self._spare_workspaces.append(spare)


def _folder_of(files: AttemptFiles) -> Path:
    """Return the folder of an attempt's workspace; the working directory lies in it."""
    return files.directory.parents[len(_WORKSPACE.parts) - 1]


def _clean(files: AttemptFiles) -> None:
    """Empty the log, and remove all that the attempt left beside its script."""
    for entry in os.scandir(files.script.parent):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        elif entry.path != str(files.script) or not _is_plain(entry.path):
            os.unlink(entry.path)
    if _is_plain(files.log):
        os.truncate(files.log, 0)
    else:
        files.log.unlink(missing_ok=True)


def _is_plain(path: str | Path) -> bool:
    """Tell whether writing to this file changes nothing else, as it would through a link."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1
