"""Opens and reads files in folders that jobs write to, without following links that a job may have planted.

A job may replace a folder by a link at any moment, so a path is opened part by part, each relative to the one before,
with O_NOFOLLOW (open(2)).
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from titan.rules.names import PATH_REFUSED

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # or opening a pipe would block
CHUNK_BYTES: Final = 256 * 1024
CHANGED: Final = "it changed while it was read"
LINK: Final = "a symbolic link, which is not followed"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9998, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Digest, size and modification time of a file that was read whole."""

    digest: str
    size_bytes: int
    modified_at: datetime


class Vanished(Exception):
    """The file no longer exists."""


class Unreadable(Exception):
    """The file cannot be read whole; the message says why."""


def open_folder(top: Path, path: str) -> int:
    """Return a descriptor of the folder at `path` below `top`; an empty path is `top`, whose own links are followed.

    Raises:
        OSError: it does not exist, is no folder, or a part of the path is a link.
    """
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in filter(None, path.split("/")):
        try:
            below = os.open(part, FOLDER, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def read_content(top: Path, path: str, take: Callable[[bytes], object], *, limit_bytes: int) -> Content:
    """Pass the content of the file at `path` below `top` to `take` in chunks, and return its digest.

    Raises:
        Vanished, Unreadable: the chunks passed so far are to be discarded.
    """
    folder, _, name = path.rpartition("/")
    try:
        above = open_folder(top, folder)
        try:
            descriptor = os.open(name, FILE, dir_fd=above)
        finally:
            os.close(above)
        try:
            before = os.fstat(descriptor)
            reason = why_no_content(before.st_mode)
            if reason is None and before.st_size > limit_bytes:
                reason = f"larger than {limit_bytes} bytes (TITAN_COLLECT_FILE_BYTES)"
            if reason is not None:
                raise Unreadable(reason)
            digest, left = hashlib.sha256(), before.st_size  # a file that grows has no end
            while left > 0 and (part := os.read(descriptor, min(CHUNK_BYTES, left))):
                digest.update(part)
                take(part)
                left -= len(part)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except OSError as cause:
        if cause.errno in (errno.ENOENT, errno.ENOTDIR):
            raise Vanished from cause
        raise Unreadable(LINK if cause.errno == errno.ELOOP else f"it cannot be read: {cause.strerror}") from cause
    if any(getattr(before, name) != getattr(after, name) for name in ("st_size", "st_mtime_ns", "st_ctime_ns")):
        raise Unreadable(CHANGED)
    return Content(digest=digest.hexdigest(), size_bytes=before.st_size, modified_at=file_time(before.st_mtime_ns))


def why_no_content(mode: int) -> str | None:
    """Return why a file of this mode has no content to collect; None for a regular file."""
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISLNK(mode):
        return LINK
    if stat.S_ISDIR(mode):
        return "a folder that cannot be read"
    return "no regular file but a pipe, a socket or a device"


def file_time(time_ns: int) -> datetime:
    """Return a file's time as a datetime, limited to 1970 to 9998: a job may have set any."""
    try:
        return min(max(_EPOCH, _EPOCH + timedelta(microseconds=time_ns // 1000)), _LAST)
    except OverflowError:
        return _LAST if time_ns > 0 else _EPOCH


def printable_path(path: str) -> str:
    r"""Return a path as text: bytes that are no UTF-8 and control characters become `\xNN`."""
    readable = os.fsencode(path).decode("utf-8", "backslashreplace")
    return PATH_REFUSED.sub(lambda found: f"\\x{ord(found.group()):02x}", readable)
