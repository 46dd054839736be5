"""Content named by its SHA-256 digest, one file each: `ab/abcdef…` under one folder.

A blob is written under another name, made durable, and renamed; so whatever has a blob's name is
whole, and what a killed process began lies in `incoming/`, which the next start empties.
"""

import asyncio
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar

from titan.model.errors import TooLarge
from titan.store.folders import errors_translated, make_folder, sync_folder, write_all

P = ParamSpec("P")
T = TypeVar("T")

_DIGEST = re.compile(r"[0-9a-f]{64}")

# A write is a hop to another thread, about 60 µs; at 1 MiB each, 200 MiB pay 12 ms for them.
_WRITE_BYTES: Final = 1024 * 1024

_ABANDONED_SECONDS: Final = 24 * 3600.0  # longer than any upload lasts


class FolderBlobs:
    """Implements `titan.ports.Blobs`; its docstrings stand there."""

    def __init__(self, folder: Path, *, is_shared: bool = False) -> None:
        """Use `folder`, made when it is missing; what was not finished there is deleted.

        In a folder that is shared with other servers only what is older than a day is: the rest may be theirs.

        Raises:
            StoreFull, StoreUnavailable: the folder cannot be made.
        """
        self._folder = folder
        self._incoming = folder / "incoming"
        with errors_translated(f"blobs {folder}"):
            make_folder(self._incoming)
            for left_over in self._incoming.iterdir():
                if not is_shared or _age_seconds(left_over) > _ABANDONED_SECONDS:
                    left_over.unlink(missing_ok=True)

    def put(self, content: bytes) -> str:
        with _Incoming(self._incoming) as incoming:
            incoming.write(content)
            return self._keep(incoming)

    async def put_stream(self, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> tuple[str, int]:
        with _Incoming(self._incoming) as incoming:
            async for part in _gathered(chunks, limit_bytes=limit_bytes):
                await _to_the_end(incoming.write, part)
            digest = await _to_the_end(self._keep, incoming)
            return digest, incoming.size_bytes

    def path(self, digest: str) -> Path | None:
        if _DIGEST.fullmatch(digest) is None:
            return None
        path = self._place(digest)
        return path if path.is_file() else None

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _keep(self, incoming: "_Incoming") -> str:
        digest = incoming.digest
        place = self._place(digest)
        with errors_translated(f"blobs {self._folder}"):
            if not place.is_file():
                os.fsync(incoming.descriptor)
                make_folder(place.parent)
                incoming.path.rename(place)
            sync_folder(place.parent)  # of a known blob too: another thread may not have come this far with it
        return digest


def _age_seconds(file: Path) -> float:
    """Return how long ago a file was written to; 0 for one that has gone meanwhile."""
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


class _Incoming:
    """A file that is being written, and goes when it was not renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with errors_translated(f"blobs {folder}"):
            self.descriptor, name = tempfile.mkstemp(dir=folder)
        self.path = Path(name)
        self.size_bytes = 0
        self._hash = hashlib.sha256()

    def write(self, content: bytes | bytearray) -> None:
        self._hash.update(content)
        with errors_translated(f"blobs {self._folder}"):
            write_all(self.descriptor, content, self.size_bytes)
        self.size_bytes += len(content)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.descriptor)
        self.path.unlink(missing_ok=True)


async def _to_the_end(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread and wait for its end, when cancelled too: it uses a file that is closed next."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise


async def _gathered(chunks: AsyncIterator[bytes], *, limit_bytes: int) -> AsyncIterator[bytearray]:
    """Yield the stream in parts of about a MiB.

    Raises:
        TooLarge: there came more than `limit_bytes`.
    """
    size_bytes = 0
    part = bytearray()
    async for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            raise TooLarge(
                "content",
                expected=f"at most {limit_bytes} bytes",
                found="more",
                next_step="Send less, or start the server with a larger TITAN_MAX_FILE_BYTES.",
            )
        part += chunk
        if len(part) >= _WRITE_BYTES:
            yield part
            part = bytearray()
    yield part
