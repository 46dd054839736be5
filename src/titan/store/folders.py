"""File-system helpers of the stores: error translation, durable folders and writes, the lock of a file's owner."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from titan.model.errors import StoreFull, StoreInUse, StoreUnavailable

# What a full disk, a full quota and a file at its size limit say of themselves.
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def errors_translated(subject: str) -> Iterator[None]:
    """Turn an OSError of the block into StoreFull or StoreUnavailable about `subject`."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise StoreFull(
                subject,
                expected="room on its disk",
                found=f"none ({error.strerror})",
                next_step="Free some space, then repeat the request.",
            ) from error
        raise StoreUnavailable(
            subject,
            expected="a folder that can be written",
            found=str(error),
            next_step="Look at the folder's disk and permissions, then repeat the request.",
        ) from error


def make_folder(folder: Path) -> None:
    """Make a folder for its owner only, its parents too, and make its name durable."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync(folder.parent)


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable: fsync of a file alone does not keep its name."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes | bytearray | memoryview, offset: int) -> None:
    """Write all of `content` at `offset`; one `pwrite` may take only a part of it."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        offset += written
        rest = rest[written:]


# --- one server per home ---


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
