"""Puts a job's script into the workspace of its run, so that the run's jobs can import what lies beside it.

No file is ever overwritten: where another file has the script's name, the script goes into a folder of its own below.
"""

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from titan.worker.files.safe_files import FILE, FOLDER, open_folder
from titan.worker.files.workspaces import Workspace, stamp_of

#: Errors that a job can cause in its workspace; any other, such as a full disk, is this machine's.
IN_THE_WAY: Final = (
    *(errno.EACCES, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENOTDIR, errno.ENXIO),
    *(errno.EPERM, errno.ENOTSUP),  # also of a file system without hard links, link(2)
)
_DIGEST_CHARACTERS: Final = 16  # a run of a million scripts has two of equal beginning once in 10^7 runs
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A job's script."""

    name: str
    content: bytes
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedScript:
    """Where a script lies."""

    path: Path  #: the file that is run
    appears_as: Path  #: its `__file__`, with the same content; a job that still runs may change that file


class WorkspaceSpoiled(Exception):
    """A job has made the workspace unusable: removed or closed it, or put a link or a pipe in the way."""


def place_script(script: Script, workspace: Workspace, *, spare: Path) -> PlacedScript:
    """Put a script into `workspace` and return where. `spare` is an unused path on the same file system.

    Raises:
        WorkspaceSpoiled: see there.
        OSError: this machine cannot write it.
    """
    here = workspace.top / workspace.path
    own = f".script-{script.digest[:_DIGEST_CHARACTERS]}"
    try:
        folder = open_folder(workspace.top, workspace.path)
        try:
            found = _find_or_put(script, workspace, folder, spare)
            if found is not None and workspace.is_settled(script.name, found):
                return PlacedScript(path=here / script.name, appears_as=here / script.name)
            _put_into_own_folder(script, workspace, folder, own, spare)
        finally:
            os.close(folder)
    except OSError as cause:
        if cause.errno in IN_THE_WAY:
            raise WorkspaceSpoiled(f"a job has made its workspace unusable: {cause}") from cause
        raise
    path = here / own / script.name
    return PlacedScript(path=path, appears_as=path if found is None else here / script.name)


def _find_or_put(script: Script, workspace: Workspace, folder: int, spare: Path) -> os.stat_result | None:
    """Return the status of the file with this name and content, made if there was none; None where another one is."""
    try:
        return _find(script, folder)
    except FileNotFoundError:
        pass
    try:
        return _put(script, workspace, folder, script.name, spare, replace=False)
    except OSError as cause:  # a job that runs in this workspace was faster, or has closed it
        if cause.errno in IN_THE_WAY:
            return None
        raise


def _put_into_own_folder(script: Script, workspace: Workspace, folder: int, own: str, spare: Path) -> None:
    """Put the script into the folder `own`, in place of whatever a job has made of it there."""
    with suppress(FileExistsError):
        os.mkdir(own, 0o700, dir_fd=folder)
    own_folder = os.open(own, FOLDER, dir_fd=folder)
    try:
        with suppress(FileNotFoundError):
            if _find(script, own_folder) is not None:
                return
        _put(script, workspace, own_folder, f"{own}/{script.name}", spare, replace=True)
    finally:
        os.close(own_folder)


def _find(script: Script, folder: int) -> os.stat_result | None:
    """Return the status of the script's file; None where something else has its name.

    Raises:
        FileNotFoundError: nothing has its name.
    """
    try:
        descriptor = os.open(script.name, FILE, dir_fd=folder)
    except OSError as cause:
        if cause.errno in IN_THE_WAY:
            return None
        raise
    try:
        status = os.fstat(descriptor)
        size_bytes = len(script.content)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size_bytes:
            return None
        return status if os.read(descriptor, size_bytes) == script.content else None
    finally:
        os.close(descriptor)


def _put(script: Script, workspace: Workspace, folder: int, path: str, spare: Path, *, replace: bool) -> os.stat_result:
    """Write the script beside the workspace, then give it its name there, so that it appears whole or not at all.

    Raises:
        FileExistsError: something has its name, and `replace` is false.
    """
    try:
        with open(os.open(spare, _WRITE, 0o700), "wb") as file:
            file.write(script.content)
            file.flush()
            status = os.fstat(file.fileno())
            workspace.expect(path, stamp_of(status))  # before anybody can see it
            if replace:
                os.replace(spare, script.name, dst_dir_fd=folder)
            else:
                os.link(spare, script.name, dst_dir_fd=folder)
                os.unlink(spare)
            return status
    except BaseException:
        spare.unlink(missing_ok=True)
        raise
