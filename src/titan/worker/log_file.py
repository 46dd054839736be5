"""The file that an attempt's processes write their output to, as the worker reads it, and cuts it where it is too long.

It lies where the job can do to it what it likes: remove it, lock it, put a pipe, a link or a folder in its place.
Whatever is no readable file counts as empty, for nothing a job does may hold up the reports of others.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LogFile:
    """An attempt's output. With a limit, one byte more than that is kept, which tells the server that it was more."""

    path: Path
    limit_bytes: int | None = None

    def size(self) -> int:
        """Return the size in bytes; 0 when there is no readable file. What is over the limit is thrown away."""
        try:
            status = os.lstat(self.path)
        except OSError:
            return 0
        return self._kept(status.st_size) if stat.S_ISREG(status.st_mode) and os.access(self.path, os.R_OK) else 0

    def read(self, offset: int, most_bytes: int) -> bytes:
        """Return up to `most_bytes` from `offset`; empty at the end, and when there is no readable file."""
        try:  # without waiting for a pipe in its place
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            return b""
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return b""
            end = self._kept(status.st_size)
            return os.pread(descriptor, max(0, min(most_bytes, end - offset)), offset)
        finally:
            os.close(descriptor)

    def _kept(self, size_bytes: int) -> int:
        """Return how much of so many bytes counts. The job goes on at the end of the file, wherever it was cut."""
        if self.limit_bytes is None or size_bytes <= self.limit_bytes:
            return size_bytes
        most_bytes = self.limit_bytes + 1
        if size_bytes > most_bytes:
            self._cut(most_bytes)
        return most_bytes

    def _cut(self, most_bytes: int) -> None:
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            return
        try:
            os.ftruncate(descriptor, most_bytes)
        except OSError:  # a pipe by now, or a file that can only grow: what is over is not read
            return
        finally:
            os.close(descriptor)
