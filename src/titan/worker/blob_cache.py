"""Keeps the scripts and archives that jobs need on disk, by the SHA-256 of their content; each is fetched once."""

import hashlib
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from titan.worker.server_client import ServerClient
from titan_sdk.errors import TitanError

MAX_FILES: Final = 2_000  # at a typical 5 KB a script that is 10 MB
MAX_BYTES: Final = 2 * 1024**3  # of archives, mostly; the one in use stays in any case
MAX_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024  # of scripts


class ContentCorrupted(TitanError):
    """The server sent other content than the requested one."""


class BlobCache:
    """The cached files in one folder; the least recently used ones are deleted. Used from several threads."""

    def __init__(self, server: ServerClient, folder: Path) -> None:
        """Use `folder`, making it if needed."""
        self._server = server
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        by_age = sorted((entry.stat().st_mtime, entry.name, entry.stat().st_size) for entry in os.scandir(folder))
        self._sizes = OrderedDict((name, size_bytes) for _, name, size_bytes in by_age)  #: least recently used first
        self._scripts: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._fetching = [threading.Lock() for _ in range(16)]  # by the digest's first digit
        self._make_room()

    def script(self, digest: str) -> bytes | None:
        """Return a script's content; None when it is not here or was damaged."""
        content = self._scripts.get(digest)
        if content is not None:
            return content
        try:
            content = (self._folder / digest).read_bytes()
        except FileNotFoundError:
            return None
        if hashlib.sha256(content).hexdigest() != digest:
            return None
        with self._lock:
            self._scripts[digest] = content
            while sum(map(len, self._scripts.values())) > MAX_IN_MEMORY_BYTES and len(self._scripts) > 1:
                self._scripts.popitem(last=False)
        return content

    def fetch(self, digest: str) -> Path:
        """Return the file of a content, fetched if it is not here; callers that want the same wait for one fetch.

        Raises:
            ServerAway: see there; may be repeated.
            TitanError: the server has no such content, or sent another.
            OSError: it cannot be written.
        """
        path = self._folder / digest
        with self._fetching[int(digest[0], 16)]:
            if not path.is_file() or _digest_of(path) != digest:
                self._server.fetch_blob(digest, path)
                if _digest_of(path) != digest:
                    path.unlink()
                    raise ContentCorrupted(
                        subject="the server's answer",
                        expected="content with that SHA-256",
                        found="other content",
                        next_step="Submit the job again.",
                    )
        os.utime(path)
        with self._lock:
            self._sizes.pop(digest, None)
            self._sizes[digest] = path.stat().st_size
            self._make_room()
        return path

    def _make_room(self) -> None:
        while len(self._sizes) > 1 and (len(self._sizes) > MAX_FILES or sum(self._sizes.values()) > MAX_BYTES):
            oldest, _ = self._sizes.popitem(last=False)
            (self._folder / oldest).unlink(missing_ok=True)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
