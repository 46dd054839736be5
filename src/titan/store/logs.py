"""The log store: the output of attempts, one file per lease, `ab/<lease id>` under one folder.

Bytes have a fixed place, so a repeated append writes nothing new and order needs no lock. Logs are not
fsynced: what a crash of the machine takes, the worker that still runs the attempt sends again.
"""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from titan.model.errors import InvalidName
from titan.store.folders import errors_translated, make_folder, write_all

_SAFE_NAME = re.compile(r"[0-9A-Za-z_-]{2,64}")


class FolderLogs:
    """Implements `titan.ports.runtime.Logs`; its docstrings are there."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, made when it is missing.

        Raises:
            StoreFull, StoreUnavailable: the folder cannot be made.
        """
        self._folder = folder
        with errors_translated(f"logs {folder}"):
            make_folder(folder)

    def append(self, lease_id: str, offset: int, content: bytes) -> int:
        path = self._place(lease_id)
        with errors_translated(f"log {lease_id}"):
            if not content:
                return _size(path)
            descriptor = _open_to_write(path)
            try:
                return _append(descriptor, offset, content)
            finally:
                os.close(descriptor)

    def size(self, lease_id: str) -> int:
        with errors_translated(f"log {lease_id}"):
            return _size(self._place(lease_id))

    def read(self, lease_id: str, offset: int, limit_bytes: int) -> bytes:
        with errors_translated(f"log {lease_id}"):
            try:
                descriptor = os.open(self._place(lease_id), os.O_RDONLY)
            except FileNotFoundError:
                return b""
            try:
                return os.pread(descriptor, limit_bytes, offset)
            finally:
                os.close(descriptor)

    def old(self, *, before: datetime) -> Iterator[tuple[str, int]]:
        before_seconds = before.timestamp()
        for shard in sorted(self._folder.iterdir()):
            with os.scandir(shard) as entries:
                for entry in entries:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if status.st_mtime < before_seconds and _SAFE_NAME.fullmatch(entry.name):
                        yield entry.name, status.st_size

    def discard(self, lease_id: str) -> None:
        with errors_translated(f"log {lease_id}"):
            self._place(lease_id).unlink(missing_ok=True)

    def _place(self, lease_id: str) -> Path:
        if _SAFE_NAME.fullmatch(lease_id) is None:
            raise InvalidName("lease id", expected="2 to 64 letters, digits, '-' or '_'", found=repr(lease_id[:80]))
        return self._folder / lease_id[:2] / lease_id


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _open_to_write(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        make_folder(path.parent)
        return os.open(path, flags, 0o600)


def _append(descriptor: int, offset: int, content: bytes) -> int:
    """Write what lies past the stored part. On a full disk what fitted stays: a repeat goes on there."""
    size_bytes = os.fstat(descriptor).st_size
    end = offset + len(content)
    if offset > size_bytes or end <= size_bytes:
        return size_bytes
    write_all(descriptor, memoryview(content)[size_bytes - offset :], size_bytes)
    return end
