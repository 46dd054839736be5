"""Collects the files that ended attempts left: finds them, and sends them to the server before the end is reported.

An attempt that wrote nothing costs one glance. The files of the others are read and sent by a pool of threads, so that
neither a large file nor a slow line delays other jobs. No report waits longer than 10 s: then the rest follows it.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from msgspec.structs import replace

from titan.model.attempts import AttemptOutcome
from titan.wire.protocol import MAX_CONTENTS_BYTES, MAX_NOTED_FILES, SMALL_CONTENT_BYTES, NotedFile, NoteFilesRequest
from titan.worker.files.safe_files import (
    Content,
    Unreadable,
    Vanished,
    file_time,
    printable_path,
    read_content,
    why_no_content,
)
from titan.worker.files.workspaces import Stamp, Workspace
from titan.worker.logs import EndedAttempt
from titan.worker.server_client import ServerAway, ServerClient
from titan.worker.threads import ThreadPool
from titan_sdk.errors import InvalidInput, TitanError, TooLarge

logger = logging.getLogger(__name__)

REPORT_WITHIN_SECONDS: Final = 10.0  # a client that waits for its job rather sees files late than the end
MAX_LISTED: Final = 10_000  # of one attempt
BATCH_BYTES: Final = 64 * 1024 * 1024  # read before they are noted, so that a long list appears bit by bit


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectLimits:
    """Of which files of an attempt the content is collected; the others are only listed."""

    file_bytes: int
    files: int


@dataclass(slots=True)
class _Collection:
    lease_id: str
    workspaces: tuple[Workspace, ...]
    ended: EndedAttempt | None = None
    has_looked: bool = False
    is_reported: bool = False
    found: list[tuple[Workspace, str, Stamp]] = field(default_factory=list)  #: not noted yet
    read_count: int = 0


class FileCollector:
    """Knows the folders of running attempts, and collects their files between their end and their report.

    Its methods are called on the supervisor's thread, and none of them waits for a disk or for the server.
    """

    def __init__(
        self,
        server: ServerClient,
        folder: Path,
        limits: CollectLimits,
        *,
        node: str,
        pool: ThreadPool,
        report: Callable[[EndedAttempt], None],
        forget: Callable[[str], None],
    ) -> None:
        """Collect within `limits`, on threads of `pool`, with copies in `folder`; `node` names the disk.

        `report` takes over an ended attempt; `forget` is called with each lease whose folders are no longer needed.
        """
        self._server = server
        self._folder = folder
        self._limits = limits
        self._node = node
        self._pool = pool
        self._report = report
        self._forget = forget
        self._collections: dict[str, _Collection] = {}
        self._reporting = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.iterdir():
            left_over.unlink()

    def begin(self, lease_id: str, *workspaces: Workspace) -> None:
        """Note that an attempt begins in these folders."""
        self._collections[lease_id] = _Collection(lease_id, workspaces)
        for workspace in workspaces:
            workspace.begin(lease_id)

    def finish(self, ended: EndedAttempt) -> bool:
        """Take over an attempt whose processes are gone; return whether it was reported at once.

        If not, call `hurry` after 10 s.
        """
        collection = self._collections[ended.report.lease_id]
        collection.ended = ended
        if ended.report.outcome in (AttemptOutcome.LOST, AttemptOutcome.RETURNED):
            self._report_once(collection)
            self.drop(collection.lease_id)
            return True
        for workspace in collection.workspaces:
            workspace.end(collection.lease_id)
        if all(each.is_untouched(collection.lease_id) for each in collection.workspaces):
            self._close(collection)
            return True
        self._pool.add(partial(self._collect, collection))
        return False

    def drop(self, lease_id: str) -> None:
        """Forget an attempt whose files are not wanted."""
        for workspace in self._collections.pop(lease_id).workspaces:
            workspace.lose(lease_id)
        self._forget(lease_id)

    def hurry(self, lease_id: str) -> None:
        """Report an attempt now, whatever of its files is still to be sent."""
        collection = self._collections.get(lease_id)
        if collection is not None and self._report_once(collection):
            logger.warning("lease %s: its end is reported before all its files", lease_id)

    def is_collecting(self, lease_id: str) -> bool:
        """Return whether an attempt's folders are still needed."""
        return lease_id in self._collections

    def _collect(self, collection: _Collection) -> None:
        """Find an attempt's files and send them; after ServerAway, a repeated call continues.

        Raises:
            ServerAway: see there.
        """
        try:
            if not collection.has_looked:
                wait = max(each.seconds_to_look(collection.lease_id) for each in collection.workspaces)
                if wait:
                    self._pool.add(partial(self._collect, collection), after_seconds=wait)
                    return
                self._look(collection)
            while collection.found:
                batch = _batch(collection.found)
                self._send_batch(collection, batch)
                collection.read_count += len(batch)
                del collection.found[: len(batch)]
        except ServerAway:
            raise
        except TitanError as refusal:
            logger.info("lease %s: no more of its files are sent: %s", collection.lease_id, refusal)
        except BaseException:
            self._close(collection)
            raise
        self._close(collection)

    def _look(self, collection: _Collection) -> None:
        for workspace in collection.workspaces:
            workspace.look(collection.lease_id)
            changed = sorted(workspace.take(collection.lease_id).items())
            collection.found += [(workspace, path, stamp) for path, stamp in changed]
            if workspace.is_cut:
                logger.warning("%s holds too many files: not all are looked at", workspace.path)
        count = len(collection.found)
        if count > MAX_LISTED:
            logger.warning("lease %s left %d files; %d are listed", collection.lease_id, count, MAX_LISTED)
            del collection.found[MAX_LISTED:]
        collection.has_looked = True

    def _send_batch(self, collection: _Collection, batch: list[tuple[Workspace, str, Stamp]]) -> None:
        """Note files, with small contents, then send the contents that the server lacks."""
        noted: list[NotedFile] = []
        places: dict[str, tuple[Workspace, str]] = {}  # where the content of a digest can be read again
        small: dict[str, bytes] = {}
        for number, (workspace, path, stamp) in enumerate(batch, start=collection.read_count):
            content = _SmallContent(room_bytes=MAX_CONTENTS_BYTES - sum(map(len, small.values())))
            file = self._read(workspace, path, stamp, content.take, is_wanted=number < self._limits.files)
            if file is None:
                continue
            noted.append(file)
            if file.digest is not None:
                places[file.digest] = workspace, path
                if content.is_whole:
                    small[file.digest] = content.content
        if not noted:
            return
        lease_id = collection.lease_id
        request = NoteFilesRequest(node=self._node, files=noted, contents=list(small.values()))
        answer = self._server.note_files(lease_id, request)
        sent = {digest: self._send(lease_id, *places[digest]) for digest in answer.missing if digest in places}
        again = [_with(file, sent[file.digest]) for file in noted if file.digest is not None and file.digest in sent]
        if again:  # a file may have changed since it was noted
            self._server.note_files(lease_id, NoteFilesRequest(node=self._node, files=again))

    def _read(
        self, workspace: Workspace, path: str, stamp: Stamp, take: Callable[[bytes], object], *, is_wanted: bool
    ) -> NotedFile | None:
        """Return a file's note; None when it is gone."""
        file = NotedFile(
            path=printable_path(path),
            size_bytes=stamp.size_bytes,
            modified_at=file_time(stamp.mtime_ns),
            place=workspace.place,
        )
        reason = why_no_content(stamp.mode)
        if reason is None and not is_wanted:
            reason = f"more than {self._limits.files} files (TITAN_COLLECT_FILES)"
        if reason is not None:
            return replace(file, reason=reason)
        whole = f"{workspace.path}/{path}"
        try:
            return _with(file, read_content(workspace.top, whole, take, limit_bytes=self._limits.file_bytes))
        except Vanished:
            return None
        except Unreadable as why:
            return replace(file, reason=str(why))

    def _send(self, lease_id: str, workspace: Workspace, path: str) -> Content | str:
        """Send a content, from a copy that no job can change; return what was sent, or why nothing was."""
        try:
            with NamedTemporaryFile(dir=self._folder) as copy:
                whole = f"{workspace.path}/{path}"
                content = read_content(workspace.top, whole, copy.write, limit_bytes=self._limits.file_bytes)
                copy.flush()
                self._server.send_content(lease_id, content.digest, Path(copy.name))
                return content
        except Vanished:
            return "it vanished while it was read"
        except Unreadable as why:
            return str(why)
        except TooLarge as refusal:
            return f"the server takes {refusal.expected}"
        except InvalidInput as refusal:  # another digest: this machine or the line damages content
            return f"the server refused it: {refusal.found}"
        except OSError as cause:  # of the copy: a full disk, for instance
            return f"it could not be copied: {cause.strerror or cause}"

    def _report_once(self, collection: _Collection) -> bool:
        """Report an attempt unless it was reported before; return whether it was now."""
        with self._reporting:
            if collection.is_reported or collection.ended is None:
                return False
            collection.is_reported = True
        self._report(collection.ended)
        return True

    def _close(self, collection: _Collection) -> None:
        self._report_once(collection)
        for workspace in collection.workspaces:
            workspace.close(collection.lease_id)
        self._collections.pop(collection.lease_id, None)
        self._forget(collection.lease_id)


class _SmallContent:
    """Keeps a content that is small enough to be sent with its note."""

    def __init__(self, room_bytes: int) -> None:
        self._room_bytes = min(room_bytes, SMALL_CONTENT_BYTES)
        self.content = b""
        self.is_whole = True

    def take(self, part: bytes) -> None:
        if self.is_whole and len(self.content) + len(part) <= self._room_bytes:
            self.content += part
        else:
            self.is_whole, self.content = False, b""


def _batch(found: list[tuple[Workspace, str, Stamp]]) -> list[tuple[Workspace, str, Stamp]]:
    """Return the first files: as many as one request notes, and not much more than 64 MiB."""
    size_bytes = 0
    for number, (_, _, stamp) in enumerate(found[:MAX_NOTED_FILES]):
        if size_bytes >= BATCH_BYTES:
            return found[:number]
        size_bytes += stamp.size_bytes
    return found[:MAX_NOTED_FILES]


def _with(file: NotedFile, read: Content | str) -> NotedFile:
    """Return the note of a file with the content that was read, or with the reason why there is none."""
    if isinstance(read, str):
        return replace(file, digest=None, reason=read)
    return replace(file, digest=read.digest, size_bytes=read.size_bytes, modified_at=read.modified_at)
