"""What a write into a folder means when it fails, and how it becomes durable."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from titan.model.errors import StoreFull, StoreUnavailable

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
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: fsync of a file alone does not keep its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
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
