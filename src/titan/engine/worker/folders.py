"""Where attempts live on disk: a folder for each attempt's script, a file for its output, a workspace for its run."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from titan.engine.protocol import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFiles:
    """The files of one attempt."""

    script: Path
    log: Path  #: beside the script's folder, so that a script may have any name
    directory: Path  #: the working directory, shared by all attempts of the same agent run


class AttemptFolders:
    """The attempts and workspaces below one worker's folder."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, making it if needed, and remove the attempts that an earlier worker left."""
        self._attempts = folder / "attempts"
        self._workspaces = folder / "workspaces"
        shutil.rmtree(self._attempts, ignore_errors=True)
        self._attempts.mkdir(parents=True, exist_ok=True)
        self._workspaces.mkdir(exist_ok=True)

    def prepare(self, assignment: Assignment, content: bytes) -> AttemptFiles:
        """Write the script and make the workspace.

        Raises:
            OSError: the disk is full or not writable.
        """
        folder = self._attempts / os.path.basename(assignment.lease_id)
        files = AttemptFiles(
            script=folder / os.path.basename(assignment.filename),
            log=self.log(assignment.lease_id),
            directory=self._workspaces / os.path.basename(assignment.workspace) / "titan_workspace" / "shared",
        )
        folder.mkdir(mode=0o700, exist_ok=True)
        with open(files.script, "wb", buffering=0) as script:
            script.write(content)
        _make_folder(files.directory)
        return files

    def log(self, lease_id: str) -> Path:
        """Return the file that takes an attempt's output."""
        return self._attempts / f"{os.path.basename(lease_id)}.log"

    def discard(self, lease_id: str) -> None:
        """Remove an attempt's script and output; its workspace stays. Nothing to remove is fine."""
        folder = self._attempts / os.path.basename(lease_id)
        shutil.rmtree(folder, ignore_errors=True)
        self.log(lease_id).unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    try:
        os.mkdir(folder)  # one system call in the usual case, that it is there
    except FileExistsError:
        return
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
