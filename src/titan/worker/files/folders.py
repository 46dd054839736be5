"""Where attempts live on disk: a file for each attempt's output, a workspace for its run, a folder for its archive."""

import logging
import os
import shutil
import stat
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from titan.model.files import FilePlace
from titan.orchestrator.archives import unpack
from titan.wire.protocol import Assignment
from titan.worker.files.script_places import Script
from titan.worker.files.workspaces import Workspace

logger = logging.getLogger(__name__)

_WORKSPACE: Final = Path("titan_workspace", "shared")  # where the original's jobs find their working directory
_SPARE_WORKSPACES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFiles:
    """The files of one attempt."""

    log: Path
    directory: Path  #: the working directory: the workspace, or with an archive the script's folder in there
    workspace: Path  #: shared by all attempts of the same agent run
    is_new_workspace: bool = False  #: whether that was made for this attempt
    archive: Workspace | None = None  #: the attempt's own copy of its archive


class AttemptFolders:
    """The attempts and workspaces below one worker's folder.

    Logs of ended attempts are used again: ext4 does not give out the inodes it deleted in the last 5 s, and passing
    over them makes new ones for each job cost more than the rest of the worker's part. Used from two threads: one
    prepares, the other discards; a third one may ask for idle workspaces and delete them.
    """

    def __init__(self, folder: Path, *, later: Callable[[Callable[[], None]], None] = lambda task: task()) -> None:
        """Use `folder`, making it if needed, and remove the attempts that an earlier worker left.

        `later` performs what takes its time: without it, it is done at once.
        """
        self._later = later
        self._attempts = folder / "attempts"
        #: All workspaces lie below it.
        self.workspaces = folder / "workspaces"
        #: A file beside them, on their file system, that a script is written to before it gets its name in one.
        self.spare_script = self.workspaces / ".script"
        self._numbers = count(1)
        self._used: dict[str, AttemptFiles] = {}
        self._held: set[str] = set()
        self._overdue: set[str] = set()
        self._lock = threading.Lock()
        self._private_scripts: dict[str, Path] = {}
        self._free: deque[Path] = deque()
        self._spare_workspaces: deque[Path] = deque()
        self._workspaces_lock = threading.Lock()
        shutil.rmtree(self._attempts, ignore_errors=True)
        self._attempts.mkdir(parents=True, exist_ok=True)
        self.workspaces.mkdir(exist_ok=True)
        self.spare_script.unlink(missing_ok=True)
        self._prepare_workspaces()

    def prepare(self, assignment: Assignment) -> AttemptFiles:
        """Make the workspace and an empty log.

        Raises:
            OSError: the disk is full or not writable; nothing is left to discard.
        """
        log = self._free.popleft() if self._free else self._attempts / f"{next(self._numbers)}.log"
        os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))  # here, for in the job it fails the job
        with self._workspaces_lock:
            workspace, is_new = self._workspace(assignment)
            files = AttemptFiles(log=log, directory=workspace, workspace=workspace, is_new_workspace=is_new)
            self._used[assignment.lease_id] = files
        return files

    def write_private_script(self, lease_id: str, script: Script) -> Path:
        """Write the script of an attempt into a folder of its own, outside of its workspace, and return its path.

        Raises:
            OSError: the disk is full or not writable.
        """
        folder = self._private_scripts[lease_id] = self._attempts / f"script{next(self._numbers)}"
        folder.mkdir(mode=0o700)
        path = folder / script.name
        path.write_bytes(script.content)
        return path

    def unpack(self, assignment: Assignment, archive: Path) -> None:
        """Unpack the archive of an attempt into a folder of its own, for `unpacked` to find; any thread may.

        Raises:
            InvalidInput: it cannot be unpacked.
            OSError: the disk is full or not writable. Either way nothing is left to discard.
        """
        name = f"archive{next(self._numbers)}"
        folder = self._attempts / name
        folder.mkdir(mode=0o700)
        try:
            unpack(archive, folder, script=assignment.filename)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        own = Workspace(self._attempts, name, FilePlace.ARCHIVE)
        own.learn()
        with self._workspaces_lock:
            workspace, is_new = self._workspace(assignment)
            self._used[assignment.lease_id] = AttemptFiles(
                log=self._attempts / f"{name}.log",
                directory=(folder / assignment.filename).parent,
                workspace=workspace,
                is_new_workspace=is_new,
                archive=own,
            )

    def unpacked(self, lease_id: str) -> AttemptFiles:
        """Return the files of an attempt whose archive was unpacked."""
        return self._used[lease_id]

    def hold(self, lease_id: str) -> None:
        """Keep an attempt's files, when they are discarded too, until `release`."""
        with self._lock:
            self._held.add(lease_id)

    def release(self, lease_id: str) -> None:
        """Hold an attempt's files no longer."""
        with self._lock:
            self._held.discard(lease_id)
            is_overdue = lease_id in self._overdue
            self._overdue.discard(lease_id)
        if is_overdue:
            self.discard(lease_id)

    def discard(self, lease_id: str) -> None:
        """Release an attempt's output and archive; its workspace stays. One that has none is fine."""
        with self._lock:
            if lease_id in self._held:
                self._overdue.add(lease_id)
                return
        files = self._used.pop(lease_id, None)
        if files is None:
            return
        try:
            os.utime(_folder_of(files))  # when it was used last, for later workers too
        except OSError:
            logger.debug("a job has removed its own workspace %s", files.workspace)
        private_script = self._private_scripts.pop(lease_id, None)
        if private_script is not None:
            self._later(partial(shutil.rmtree, private_script, ignore_errors=True))
        if files.archive is not None:
            self._later(partial(_remove, self._attempts / files.archive.path, files.log))
            return
        try:
            _empty(files.log)
            self._free.append(files.log)
            self._prepare_workspaces()
        except OSError:  # nothing waits for it: the next attempt gets a new one
            logger.warning("the log %s cannot be used again", files.log, exc_info=True)

    def idle_workspaces(self) -> dict[str, float]:
        """Return workspace → when an attempt used it last, in seconds since 1970, of those that none uses now."""
        entries = [entry for entry in os.scandir(self.workspaces) if entry.is_dir(follow_symlinks=False)]
        last_uses = {entry.name: entry.stat(follow_symlinks=False).st_mtime for entry in entries}
        with self._workspaces_lock:
            busy = self._busy()
        return {name: last_use for name, last_use in last_uses.items() if name not in busy}

    def delete_workspace(self, name: str, *, last_use: float) -> bool:
        """Delete a workspace, unless an attempt has used it since `last_use`; return whether it went.

        Raises:
            OSError: it cannot be moved away or deleted.
        """
        folder, grave = self.workspaces / name, self._attempts / f"deleted{next(self._numbers)}"
        with self._workspaces_lock:
            if name in self._busy() or not folder.is_dir() or folder.stat().st_mtime != last_use:
                return False
            folder.rename(grave)
        shutil.rmtree(grave)
        return True

    def _busy(self) -> set[str]:
        return {_folder_of(files).name for files in list(self._used.values())}

    def _workspace(self, assignment: Assignment) -> tuple[Path, bool]:
        """Return the workspace, and whether it was made now."""
        folder = self.workspaces / os.path.basename(assignment.workspace)
        workspace = folder / _WORKSPACE
        if workspace.is_dir():
            return workspace, False
        try:
            self._spare_workspaces.popleft().rename(folder)
        except (IndexError, OSError):  # none is spare, or something stands there already
            workspace.mkdir(parents=True, exist_ok=True)
            return workspace, False
        return workspace, True

    def _prepare_workspaces(self) -> None:
        """Make workspaces ahead: three new folders take as long as a trivial job, and here nobody waits for them."""
        while len(self._spare_workspaces) < _SPARE_WORKSPACES:
            spare = self._attempts / f"workspace{next(self._numbers)}"
            (spare / _WORKSPACE).mkdir(parents=True)
            self._spare_workspaces.append(spare)


def _folder_of(files: AttemptFiles) -> Path:
    """Return the folder of an attempt's workspace, which lies in it."""
    return files.workspace.parents[len(_WORKSPACE.parts) - 1]


def _remove(folder: Path, log: Path) -> None:
    """Remove an unpacked archive, with all that its attempt left in there."""
    shutil.rmtree(folder, ignore_errors=True)
    log.unlink(missing_ok=True)


def _empty(log: Path) -> None:
    if _is_plain(log):
        os.truncate(log, 0)
    else:
        log.unlink(missing_ok=True)


def _is_plain(path: Path) -> bool:
    """Return whether writing to this file changes nothing else, as it would through a link."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1
