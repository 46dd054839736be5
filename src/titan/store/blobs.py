"""The blob store: files named by the SHA-256 digest of their content, `ab/abcdef…` under one folder.

A blob is written under another name, made durable, and renamed; so whatever has a blob's name is
whole, and what a killed process began lies in `incoming/`, which the next start empties.

**Why collecting never takes what somebody is about to name.** A file's modification time is its lease. Who is about
to commit a reference renews it first: `put` and `touch` do. The collector looks at files whose lease is over an hour
old, asks the store whether anything names them, and then `discard`s, without any lock, in these steps:

    C0  is the lease still the one it was found with? else keep    T1  renew the file; done when that worked
    C1  move the file to taken/                                    T2  renew the one in taken/
    C2  is the lease still the one it was found with?              T3  move that one back; done when both worked
    C3  no: move it back    C4  yes: delete it                     T4  renew the file; it is not stored when that fails

A reference committed before the store was asked is seen by it. One committed later was preceded by a `touch` or `put`
of at most an hour before, hence after the file was found, or it would not have been old. Of that touch, each step
happens wholly before or after each of the collector's. For moving and deleting the system sees to it. Renewing is two
calls: the system looks the name up and stamps what it found, which may have been moved away in between, even deleted;
so a renewal counts only if the name is still there when it is over, and then C1 comes after all of it:

- T1 before C1: C0 or C2 sees the renewed lease, and the file is moved back at the latest by C3.
- T1 after C1 fails, for there is no file, or renews one that another `put` wrote, which the collector does not touch.
- T2 before C2: C2 sees it, and either C3 or T3 moves the file back, whichever comes first; T3 failing, T4 finds it.
- T2 after C2: T3 before C4 takes the file away from under C4, which then deletes nothing; T3 after C4 fails, T4 too,
  and the caller is answered that the content is not stored: `put` writes it again, a client is asked to send it again.
- T2 after C3 or C4 fails; then T4 finds the file, or the caller is answered as above.

Moving back may replace a file that another `put` wrote meanwhile: it has the same content, and a fresh lease, for only
a renewed one is moved back. A process that dies in between leaves the file in taken/, and the next start moves it back.
Readers of content that is not named yet may find it gone between C1 and C3: `path` then does what T2 to T4 do.
What is deleted at once, with the run that named it, may be younger than that, and a payload of another run between its
`put` and its commit. The recorder therefore touches its payloads again behind the commit, by T1 to T4: where that
fails, its client is asked to send them again, and they are put anew. Whoever has put the same content as a file or
script touches it before naming it, as ever, and is answered that it is not stored.

The lease is by the server's clock, which stays when the machine's is set. Servers that share the folder go by their
database's: that this is set forward by more than the hour while a request is between its touch and its commit is the
one thing this does not survive.
"""

import asyncio
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar

from titan.model.errors import TooLarge
from titan.model.retention import OldBlob
from titan.ports.runtime import Clock
from titan.store.columns import to_us
from titan.store.folders import errors_translated, make_folder, sync, write_all
from titan.system import SystemClock

P = ParamSpec("P")
T = TypeVar("T")

_DIGEST = re.compile(r"[0-9a-f]{64}")

# A write is a hop to another thread, about 60 µs; at 1 MiB each, 200 MiB pay 12 ms for them.
_WRITE_BYTES: Final = 1024 * 1024

_ABANDONED_SECONDS: Final = 24 * 3600.0  # longer than any upload lasts


class Steps:
    """The single steps of renewing and collecting: others may come between any two of them, but never within one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def renew(self, path: Path) -> bool:
        """Give a file's lease the present time; return whether there is such a file.

        By the server's clock, as whoever asks for old ones does. The kernel's own stamps also stand still for some
        milliseconds, and a lease that was renewed within them would look as it did before.
        """
        now_ns = to_us(self._clock.now()) * 1000
        try:
            os.utime(path, ns=(now_ns, now_ns))
            os.stat(path)
        except FileNotFoundError:
            return False
        return True

    def mark(self, path: Path) -> int | None:
        """Return a file's lease in nanoseconds since 1970; None without a file."""
        try:
            return path.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def move(self, source: Path, target: Path) -> bool:
        """Give a file another name; return whether there was such a file."""
        try:
            source.rename(target)
        except FileNotFoundError:
            return False
        return True

    def delete(self, path: Path) -> bool:
        """Delete a file; return whether there was one."""
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True


class FolderBlobs:
    """Implements `titan.ports.runtime.Blobs`; its docstrings are there."""

    def __init__(
        self, folder: Path, *, clock: Clock | None = None, is_shared: bool = False, steps: Steps | None = None
    ) -> None:
        """Use `folder`, made when it is missing; what was not finished there is deleted, or put back.

        In a folder that is shared with other servers only what is older than a day is: the rest may be theirs.

        Raises:
            StoreFull, StoreUnavailable: the folder cannot be made.
        """
        self._folder = folder
        self._incoming = folder / "incoming"
        self._taken = folder / "taken"
        self._steps = steps or Steps(clock or SystemClock())
        with errors_translated(f"blobs {folder}"):
            make_folder(self._incoming)
            make_folder(self._taken)
            for left_over in self._incoming.iterdir():
                if not is_shared or _age_seconds(left_over) > _ABANDONED_SECONDS:
                    left_over.unlink(missing_ok=True)
            for left_over in self._taken.iterdir():
                self._steps.move(left_over, self._place(left_over.name))

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
        return path if path.is_file() or self._bring_back(digest) else None

    def touch(self, digest: str) -> bool:
        if _DIGEST.fullmatch(digest) is None:
            return False
        with errors_translated(f"blob {digest}"):
            return self._steps.renew(self._place(digest)) or self._bring_back(digest)

    def _bring_back(self, digest: str) -> bool:
        """Do T2 to T4 of the module's list; return whether the content is stored, with its lease renewed."""
        steps, place, taken = self._steps, self._place(digest), self._taken / digest
        return (steps.renew(taken) and steps.move(taken, place)) or steps.renew(place)

    def old(self, *, before: datetime) -> Iterator[OldBlob]:
        before_ns = int(before.timestamp()) * 1_000_000_000
        for shard in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            with os.scandir(shard) as entries:
                for entry in entries:
                    status = _status(entry)
                    if status is not None and status.st_mtime_ns < before_ns:
                        yield OldBlob(digest=entry.name, size_bytes=status.st_size, mark=status.st_mtime_ns)

    def found(self, digest: str) -> OldBlob | None:
        try:
            status = self._place(digest).stat()
        except FileNotFoundError:
            return None
        return OldBlob(digest=digest, size_bytes=status.st_size, mark=status.st_mtime_ns)

    def discard(self, blob: OldBlob) -> bool:
        steps, place, taken = self._steps, self._place(blob.digest), self._taken / blob.digest
        with errors_translated(f"blob {blob.digest}"):
            if steps.mark(place) != blob.mark or not steps.move(place, taken):
                return False
            if steps.mark(taken) != blob.mark:
                steps.move(taken, place)
                return False
            return steps.delete(taken)

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _keep(self, incoming: "_Incoming") -> str:
        digest = incoming.digest
        place = self._place(digest)
        with errors_translated(f"blobs {self._folder}"):
            if not self._steps.renew(place):
                os.fsync(incoming.descriptor)
                make_folder(place.parent)
                self._steps.renew(incoming.path)  # it may take the place of one whose lease is newer than its writing
                self._steps.move(incoming.path, place)
            sync(place.parent)  # of a known blob too: another thread may not have come this far with it
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


def _status(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """Return what a blob's file says of itself; None when it went meanwhile, or is no blob."""
    try:
        return entry.stat(follow_symlinks=False) if _DIGEST.fullmatch(entry.name) else None
    except FileNotFoundError:
        return None


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
