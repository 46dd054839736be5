"""Reads files that jobs left: whole, unchanged meanwhile, through no link, or says why not."""

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
from titan.worker.files.safe_open import open_file

CHUNK_BYTES: Final = 256 * 1024
CHANGED: Final = "it changed while it was read"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9998, 1, 1, tzinfo=UTC)
_GONE: Final = (errno.ENOENT, errno.ENOTDIR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A file's content, as it was at one moment."""

    digest: str
    size_bytes: int
    modified_at: datetime


class Vanished(Exception):
    """The file is no longer there."""


class Unreadable(Exception):
    """The file has no content for others; the text says why."""


def read_content(top: Path, path: str, take: Callable[[bytes], object], *, limit_bytes: int) -> Content:
    """Hand the content of the file at `path` below `top` to `take`, part by part, and return what it was.

    Raises:
        Vanished, Unreadable: see there; what was taken is worth nothing.
    """
    try:
        descriptor = open_file(top, path)
    except OSError as cause:
        raise _refusal(cause) from cause
    try:
        before = os.fstat(descriptor)
        _check(before, limit_bytes)
        digest = _read(descriptor, before.st_size, take)
        after = os.fstat(descriptor)
    except OSError as cause:
        raise _refusal(cause) from cause
    finally:
        os.close(descriptor)
    if (before.st_size, before.st_mtime_ns, before.st_ctime_ns) != (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    ):
        raise Unreadable(CHANGED)
    return Content(digest=digest, size_bytes=before.st_size, modified_at=moment_of(before.st_mtime_ns))


def why_no_content(mode: int) -> str | None:
    """Return why what has this mode has no content for others; None for a regular file."""
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISLNK(mode):
        return "a symbolic link, which is not followed"
    if stat.S_ISDIR(mode):
        return "a folder that cannot be read"
    return "no regular file but a pipe, a socket or a device"


def why_too_large(limit_bytes: int) -> str:
    """Return why a larger file has no content here."""
    return f"larger than {limit_bytes} bytes (TITAN_COLLECT_FILE_BYTES)"


def moment_of(time_ns: int) -> datetime:
    """Return a file's time, as near as 1970 to 9998 allows: a job may have set any."""
    try:
        return min(max(_EPOCH, _EPOCH + timedelta(microseconds=time_ns // 1000)), _LAST)
    except OverflowError:
        return _LAST if time_ns > 0 else _EPOCH


def text_of(path: str) -> str:
    r"""Return a path as text for others: bytes that are no UTF-8 and control characters become `\xNN`."""
    readable = os.fsencode(path).decode("utf-8", "backslashreplace")
    return PATH_REFUSED.sub(lambda found: f"\\x{ord(found.group()):02x}", readable)


def _check(status: os.stat_result, limit_bytes: int) -> None:
    why = why_no_content(status.st_mode)
    if why is None and status.st_size > limit_bytes:
        why = why_too_large(limit_bytes)
    if why is not None:
        raise Unreadable(why)


def _read(descriptor: int, size_bytes: int, take: Callable[[bytes], object]) -> str:
    """Hand on `size_bytes` at most, for a file that grows has no end; return their digest."""
    digest = hashlib.sha256()
    while size_bytes > 0 and (part := os.read(descriptor, min(CHUNK_BYTES, size_bytes))):
        digest.update(part)
        take(part)
        size_bytes -= len(part)
    return digest.hexdigest()


def _refusal(cause: OSError) -> Vanished | Unreadable:
    if cause.errno in _GONE:
        return Vanished()
    if cause.errno == errno.ELOOP:
        return Unreadable("a symbolic link, which is not followed")
    return Unreadable(f"it cannot be read: {cause.strerror or cause}")
