"""The file that an attempt's processes write their output to, as the worker reads it.

It lies where the job can do to it what it likes: remove it, lock it, put a pipe or a folder in its place. Whatever is
no readable file counts as empty, for nothing a job does may hold up the reports of others.
"""

import os
import stat
from pathlib import Path


def size_of_log(log: Path) -> int:
    """Return the size in bytes; 0 when there is no readable file."""
    try:
        status = os.stat(log)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) and os.access(log, os.R_OK) else 0


def read_log(log: Path, offset: int, limit_bytes: int) -> bytes:
    """Return up to `limit_bytes` from `offset`; empty at the end, and when there is no readable file."""
    try:
        descriptor = os.open(log, os.O_RDONLY | os.O_NONBLOCK)  # or a pipe in its place would be waited for
    except OSError:
        return b""
    try:
        return os.pread(descriptor, limit_bytes, offset) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
