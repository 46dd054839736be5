"""One server per home: who owns it holds a lock that ends with the process, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from titan.model.errors import StoreInUse


def lock(path: Path) -> int:
    """Become the one owner of what is at `path`; return the descriptor that holds the lock.

    The lock is an flock on `<path>.lock` and ends with the process however it ends. It is not taken on
    the database itself, where closing any descriptor of the file would drop SQLite's own locks.

    Raises:
        StoreInUse: another process, or another store in this one, owns it.
    """
    descriptor = os.open(_lock_file_of(path), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise StoreInUse(
            f"store {path}",
            expected="no other server on this home",
            found=f"process {owner or 'unknown'}, which has it open",
            next_step="Stop that server, or give this one another home.",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


@contextmanager
def kept_free(path: Path) -> Iterator[bool]:
    """Keep owners away from what is at `path` for a `with` block, and change no file; False: somebody owns it.

    What never had an owner has no lock file, and none is made: nobody is kept away from that.
    """
    if not (lock_file := _lock_file_of(path)).exists():
        yield True
        return
    descriptor = hold(lock_file)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def hold(lock_file: Path) -> int | None:
    """Return the descriptor that holds the lock on this file from now on; None when somebody else holds it."""
    descriptor = os.open(lock_file, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _lock_file_of(path: Path) -> Path:
    return path.with_name(path.name + ".lock")
