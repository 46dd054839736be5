"""Creates and deletes the folders of attempts: workspaces of runs, unpacked archives, and files for output."""

import logging
import os
import shutil
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Final

from titan.model.files import FilePlace
from titan.orchestrator.archives import unpack
from titan.wire.protocol import MAX_WORKSPACES_ASKED, Assignment, WorkspacesRequest
from titan.worker.files.workspaces import Workspace
from titan.worker.server_client import ServerClient

logger = logging.getLogger(__name__)

CLEANING_SECONDS: Final = 600.0
IDLE_SECONDS: Final = 3600.0  # younger workspaces are not worth a request: the shortest retention is a day
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
    """The attempts and workspaces below one worker's folder. Used from several threads.

    Logs of ended attempts are used again: ext4 does not give out the inodes it deleted in the last 5 s, and passing
    over them makes new ones for each job cost more than the rest of the worker's part.
    """

    def __init__(self, folder: Path, *, later: Callable[[Callable[[], None]], None] = lambda task: task()) -> None:
        """Use `folder`, making it if needed, and remove the attempts that an earlier worker left.

        `later` performs slow deletions, on another thread for instance.
        """
        self._later = later
        self._attempts = folder / "attempts"
        #: All workspaces lie below it.
        self.workspaces = folder / "workspaces"
        #: A file on the workspaces' file system, to which a script is written before it gets its name in one.
        self.spare_script = self.workspaces / ".script"
        self._numbers = count(1)
        self._used: dict[str, AttemptFiles] = {}
        self._private_scripts: dict[str, Path] = {}
        self._free_logs: deque[Path] = deque()
        self._spare_workspaces: deque[Path] = deque()
        self._lock = threading.Lock()  # of workspaces: none is deleted while an attempt takes it
        shutil.rmtree(self._attempts, ignore_errors=True)
        self._attempts.mkdir(parents=True, exist_ok=True)
        self.workspaces.mkdir(exist_ok=True)
        self.spare_script.unlink(missing_ok=True)
        self._prepare_workspaces()

    def prepare(self, assignment: Assignment) -> AttemptFiles:
        """Make the workspace and an empty log for an attempt, and return them.

        Raises:
            OSError: the disk is full or not writable; nothing is left to discard.
        """
        log = self._free_logs.popleft() if self._free_logs else self._attempts / f"{next(self._numbers)}.log"
        os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))  # here: later it would fail the job
        with self._lock:
            workspace, is_new = self._workspace(assignment)
            files = AttemptFiles(log=log, directory=workspace, workspace=workspace, is_new_workspace=is_new)
            self._used[assignment.lease_id] = files
        return files

    def unpack(self, assignment: Assignment, archive: Path) -> None:
        """Unpack the archive of an attempt into a folder of its own, for `unpacked` to find.

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
        with self._lock:
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

    def write_private_script(self, lease_id: str, name: str, content: bytes) -> Path:
        """Write the script of an attempt into a folder outside of its workspace, and return its path.

        Raises:
            OSError: the disk is full or not writable.
        """
        folder = self._private_scripts[lease_id] = self._attempts / f"script{next(self._numbers)}"
        folder.mkdir(mode=0o700)
        path = folder / name
        path.write_bytes(content)
        return path

    def discard(self, lease_id: str) -> None:
        """Release an attempt's output and archive; its workspace stays. Does nothing for one that has none."""
        files = self._used.pop(lease_id, None)
        if files is None:
            return
        try:
            os.utime(_folder_of(files))  # its last use, for later workers too
        except OSError:
            logger.debug("a job has removed its own workspace %s", files.workspace)
        private_script = self._private_scripts.pop(lease_id, None)
        if private_script is not None:
            self._later(partial(shutil.rmtree, private_script, ignore_errors=True))
        if files.archive is not None:
            self._later(partial(shutil.rmtree, self._attempts / files.archive.path, ignore_errors=True))
            self._later(partial(files.log.unlink, missing_ok=True))
            return
        try:
            _empty(files.log)
            self._free_logs.append(files.log)
            self._prepare_workspaces()
        except OSError:  # the next attempt gets a new one
            logger.warning("the log %s cannot be used again", files.log, exc_info=True)

    def idle_workspaces(self) -> dict[str, float]:
        """Return workspace → time of its last use, in seconds since 1970, of those that no attempt uses."""
        entries = [entry for entry in os.scandir(self.workspaces) if entry.is_dir(follow_symlinks=False)]
        last_uses = {entry.name: entry.stat(follow_symlinks=False).st_mtime for entry in entries}
        with self._lock:
            busy = self._busy()
        return {name: last_use for name, last_use in last_uses.items() if name not in busy}

    def delete_workspace(self, name: str, *, last_use: float) -> bool:
        """Delete a workspace, unless an attempt has used it since `last_use`; return whether it was deleted.

        Raises:
            OSError: it cannot be moved away or deleted.
        """
        folder, grave = self.workspaces / name, self._attempts / f"deleted{next(self._numbers)}"
        with self._lock:
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
        except (IndexError, OSError):  # none is spare, or something has that name already
            workspace.mkdir(parents=True, exist_ok=True)
            return workspace, False
        return workspace, True

    def _prepare_workspaces(self) -> None:
        """Make workspaces ahead, while nobody waits for them: three new folders take as long as a trivial job."""
        while len(self._spare_workspaces) < _SPARE_WORKSPACES:
            spare = self._attempts / f"workspace{next(self._numbers)}"
            (spare / _WORKSPACE).mkdir(parents=True)
            self._spare_workspaces.append(spare)


def _folder_of(files: AttemptFiles) -> Path:
    """Return the folder of an attempt's workspace, which lies in it."""
    return files.workspace.parents[len(_WORKSPACE.parts) - 1]


def _empty(log: Path) -> None:
    """Truncate a log; remove what a job has put in its place, such as a link to another file."""
    try:
        found = os.lstat(log)
    except FileNotFoundError:
        return
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        os.truncate(log, 0)
    else:
        log.unlink()


class WorkspaceCleaner:
    """Deletes old workspaces: asks the server from time to time which of the idle ones have expired."""

    def __init__(
        self,
        server: ServerClient,
        folders: AttemptFolders,
        *,
        closing: threading.Event,
        every_seconds: float = CLEANING_SECONDS,
    ) -> None:
        self._server = server
        self._folders = folders
        self._closing = closing
        self._every_seconds = every_seconds

    def step(self) -> None:
        """Wait, then delete those of the workspaces that have been idle for an hour and are expired for the server.

        One that an attempt has used meanwhile stays: its run may have begun anew.

        Raises:
            ServerAway: see there.
        """
        if self._closing.wait(self._every_seconds):
            return
        now = time.time()
        idle = {name: at for name, at in self._folders.idle_workspaces().items() if now - at >= IDLE_SECONDS}
        names = iter(sorted(idle))
        while page := list(islice(names, MAX_WORKSPACES_ASKED)):
            request = WorkspacesRequest(idle_seconds={name: now - idle[name] for name in page})
            for name in self._server.old_workspaces(request).old:
                try:
                    if name in idle and self._folders.delete_workspace(name, last_use=idle[name]):
                        logger.info("deleted the workspace %s", name)
                except OSError as cause:
                    logger.warning("the workspace %s cannot be deleted: %s", name, cause)
