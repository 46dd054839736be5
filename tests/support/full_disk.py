"""A folder whose disk is small, and can be made large again."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: Makes the disk large.
MakeRoom = Callable[[], None]


@contextmanager
def small_disk(folder: Path, *, size_bytes: int) -> Iterator[MakeRoom]:
    """Let `folder`, which is empty, hold about `size_bytes` until the yielded function is called.

    Root mounts a small file system there and gets ENOSPC. Others, and root where mounting is not
    allowed, limit the size of each file this process writes, and get EFBIG.
    """
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False, timeout=120).returncode == 0:
        with _mounted(folder) as make_room:
            yield make_room
    else:
        with _limited(size_bytes) as make_room:
            yield make_room


@contextmanager
def _mounted(folder: Path) -> Iterator[MakeRoom]:
    try:
        yield lambda: _run("mount", "-o", "remount,size=1g", str(folder))
    finally:
        _run("umount", str(folder))


@contextmanager
def _limited(size_bytes: int) -> Iterator[MakeRoom]:
    _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(soft: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    limit(size_bytes)
    try:
        yield lambda: limit(hard)
    finally:
        limit(hard)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=120)
