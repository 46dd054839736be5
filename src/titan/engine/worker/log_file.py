"""The file that an attempt's processes write their output to, as the worker reads it."""

import os
from pathlib import Path


def size_of_log(log: Path) -> int:
    """Return the size in bytes; 0 when there is none (yet, or because the job removed it)."""
    try:
        return os.stat(log).st_size
    except FileNotFoundError:
        return 0


def read_log(log: Path, offset: int, limit_bytes: int) -> bytes:
    """Return up to `limit_bytes` from `offset`; empty at the end, and when there is no file."""
    try:
        descriptor = os.open(log, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(descriptor, limit_bytes, offset)
    finally:
        os.close(descriptor)
