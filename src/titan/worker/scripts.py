"""Scripts by the digest of their content: fetched once, kept on disk for the next attempt and the next worker."""

import hashlib
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

MAX_KEPT: Final = 2_000  # on disk; at a typical 5 KB that is 10 MB
MAX_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024


class ScriptCache:
    """The scripts in one folder. Used from several threads."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, making it if needed, and remove the oldest scripts beyond 2,000."""
        self._folder = folder
        self._in_memory: OrderedDict[str, bytes] = OrderedDict()
        self._in_memory_bytes = 0
        folder.mkdir(parents=True, exist_ok=True)
        _keep_newest(folder, MAX_KEPT)

    def find(self, digest: str) -> bytes | None:
        """Return a script's content, or None when it is not here or has been damaged."""
        content = self._in_memory.get(digest)
        if content is not None:
            return content
        try:
            content = (self._folder / digest).read_bytes()
        except FileNotFoundError:
            return None
        if not matches(digest, content):
            return None
        self._remember(digest, content)
        return content

    def add(self, digest: str, content: bytes) -> None:
        """Keep a script whose content has this digest. It appears on disk whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        partial = self._folder / f"{digest}.{threading.get_ident()}.partial"
        partial.write_bytes(content)
        os.replace(partial, self._folder / digest)
        self._remember(digest, content)

    def _remember(self, digest: str, content: bytes) -> None:
        self._in_memory[digest] = content
        self._in_memory_bytes += len(content)
        while self._in_memory_bytes > MAX_IN_MEMORY_BYTES and len(self._in_memory) > 1:
            _, forgotten = self._in_memory.popitem(last=False)
            self._in_memory_bytes -= len(forgotten)


def matches(digest: str, content: bytes) -> bool:
    """Tell whether `content` has this SHA-256 digest, in hex."""
    return hashlib.sha256(content).hexdigest() == digest


def _keep_newest(folder: Path, count: int) -> None:
    by_age = sorted(os.scandir(folder), key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in by_age[count:]:
        os.unlink(entry.path)
