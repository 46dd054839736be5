"""One server per home: who owns it holds a lock that ends with the process, however it ends."""

import fcntl
import os
from pathlib import Path

from titan.model.errors import StoreInUse


def lock(path: Path) -> int:
    """Become the one owner of what is at `path`; return the descriptor that holds the lock.

    The lock is an flock on `<path>.lock` and ends with the process however it ends. It is not taken on
    the database itself, where closing any descriptor of the file would drop SQLite's own locks.

    Raises:
        StoreInUse: another process, or another store in this one, owns it.
    """
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
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


def hold(lock_file: Path) -> int | None:
    """Return the descriptor that holds the lock on this file from now on; None when somebody else holds it."""
    descriptor = os.open(lock_file, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
