"""What programs recorded while the server was away, as it lies in folders of this machine: how much, and since when."""

import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from titan.cli.formats import count
from titan_sdk.recording.spool import ENDING

COUNTED_BYTES: Final = 64 * 1024**2  # further files are not read for the number of their calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The files of one folder."""

    folder: Path
    files: int
    size_bytes: int
    entries: int | None  #: None: too much to count
    since: datetime

    @property
    def what(self) -> str:
        """How much it is, in words."""
        return count(self.files, "file") if self.entries is None else entries(self.entries)


def waiting_in(folder: Path) -> Waiting | None:
    """Return what waits in a folder; None where nothing does.

    Raises:
        PermissionError: the folder is somebody else's.
    """
    files, size_bytes, found = 0, 0, 0
    since: datetime | None = None
    for path in sorted(folder.iterdir()):
        if not path.name.endswith(ENDING):
            continue
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # it has just been delivered
        if not stat.S_ISREG(status.st_mode):
            continue  # a job may put there what it likes
        found += _entries_of(path) if size_bytes <= COUNTED_BYTES else 0
        files += 1
        size_bytes += status.st_size
        at = datetime.fromtimestamp(status.st_mtime, UTC)
        since = at if since is None else min(since, at)
    if since is None:
        return None
    counted = found if size_bytes <= COUNTED_BYTES else None
    return Waiting(folder=folder, files=files, size_bytes=size_bytes, entries=counted, since=since)


def entries(number: int) -> str:
    """Return `1 recorded entry`, `2 recorded entries`."""
    return "1 recorded entry" if number == 1 else f"{number:,} recorded entries"


def _entries_of(path: Path) -> int:
    """Return how many entries a file has, one on each line."""
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 1
