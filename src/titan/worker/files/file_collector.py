"""Collects what ended attempts left in their folders: listed, read and sent to the server before their end is reported.

A job that wrote nothing pays for one glance. What the others left is looked after by a crew of threads, so neither a
large file nor a slow line holds up other jobs; and no report waits longer than 10 s for it: the rest follows it.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import msgspec

from titan.model.attempts import AttemptOutcome
from titan.wire.protocol import MAX_CONTENTS_BYTES, MAX_NOTED_FILES, SMALL_CONTENT_BYTES, NotedFile, NoteFilesRequest
from titan.worker.files import contents
from titan.worker.files.contents import Unreadable, Vanished, read_content
from titan.worker.files.folder_index import Stamp
from titan.worker.files.workspaces import Workspace
from titan.worker.reports import EndedAttempt
from titan.worker.server_client import Link, ServerAway
from titan.worker.thread_pool import Crew
from titan_sdk.errors import InvalidInput, TitanError, TooLarge

logger = logging.getLogger(__name__)

REPORT_WITHIN_SECONDS: Final = 10.0  # a client that waits for its job rather sees files late than the end
THREADS: Final = 16  # at once; a further attempt's report may have to wait its 10 s
MAX_LISTED: Final = 10_000  # of one attempt
BATCH_BYTES: Final = 64 * 1024 * 1024  # read before they are noted, so that a long list appears bit by bit


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectLimits:
    """What is collected of one attempt; the rest is listed without its content."""

    file_bytes: int
    files: int


@dataclass(slots=True)
class _Collection:
    lease_id: str
    workspaces: tuple[Workspace, ...]
    ended: EndedAttempt | None = None
    has_looked: bool = False
    is_reported: bool = False
    follows_report: bool = False  #: whether what is collected now comes after the report
    found: list[tuple[Workspace, str, Stamp]] = field(default_factory=list)  #: what is not noted yet
    listed_count: int = 0
    read_count: int = 0


class FileCollector:
    """Knows the folders of running attempts, and takes each from its end to its report.

    The supervisor's thread calls everything; none of it waits for a disk or for the server.
    """

    def __init__(
        self,
        link: Link,
        folder: Path,
        limits: CollectLimits,
        *,
        node: str,
        report: Callable[[EndedAttempt], None],
        forget: Callable[[str], None],
        closing: threading.Event,
    ) -> None:
        """Collect within `limits`, with copies in `folder`; `node` names the disk that all lies on.

        `report` takes over an ended attempt; `forget` is called with each lease whose folders are no longer needed.
        """
        self._link = link
        self._folder = folder
        self._limits = limits
        self._node = node
        self._report = report
        self._forget = forget
        self._crew = Crew("files", closing=closing, limit=THREADS)
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
        """Take over an attempt whose processes are gone; return whether it was handed on to its report at once.

        If not, call `hurry` after 10 s.
        """
        collection = self._collections[ended.report.lease_id]
        collection.ended = ended
        if ended.report.outcome in (AttemptOutcome.LOST, AttemptOutcome.RETURNED):
            self._hand_on(collection)
            self.drop(collection.lease_id)
            return True
        for workspace in collection.workspaces:
            workspace.end(collection.lease_id)
        if all(each.is_untouched(collection.lease_id) for each in collection.workspaces):
            self._hand_on(collection)
            self._close(collection)
            return True
        self._crew.add(partial(self._collect, collection))
        return False

    def drop(self, lease_id: str) -> None:
        """Forget an attempt that is lost: nobody wants its files."""
        for workspace in self._collections.pop(lease_id).workspaces:
            workspace.bury(lease_id)
        self._forget(lease_id)

    def hurry(self, lease_id: str) -> None:
        """Hand an attempt on to its report, whatever of its files is still to come."""
        collection = self._collections.get(lease_id)
        if collection is not None and self._hand_on(collection):
            logger.warning("lease %s: its end is reported before all its files", lease_id)

    def _collect(self, collection: _Collection) -> None:
        """Look what an attempt left, and bring it to the server; a repeat goes on where ServerAway came.

        Raises:
            ServerAway: see there.
        """
        try:
            if not collection.has_looked:
                self._look(collection)
            self._deliver(collection)
            self._hand_on(collection)
            if not self._look_again_later(collection):
                self._close(collection)
        except ServerAway:
            raise
        except TitanError as refusal:
            logger.info("lease %s: no more of its files are sent: %s", collection.lease_id, refusal)
            self._give_up(collection)
        except BaseException:
            self._give_up(collection)
            raise

    def _look(self, collection: _Collection) -> None:
        """Look quickly for the report, and fully for what is to follow it, unless another's full look saw it all."""
        for workspace in collection.workspaces:
            if not collection.follows_report or workspace.seconds_to_full_look(collection.lease_id) is not None:
                workspace.look(collection.lease_id, quick=not collection.follows_report)
        collection.has_looked = True
        self._take(collection)

    def _take(self, collection: _Collection) -> None:
        for workspace in collection.workspaces:
            for path, stamp in sorted(workspace.take(collection.lease_id).items()):
                collection.listed_count += 1
                if collection.listed_count <= MAX_LISTED:
                    collection.found.append((workspace, path, stamp))
            if workspace.is_cut:
                logger.warning("%s holds too many files: not all are looked at", workspace.path)
        if collection.listed_count > MAX_LISTED:
            logger.warning(
                "lease %s left %d files; %d are listed", collection.lease_id, collection.listed_count, MAX_LISTED
            )

    def _look_again_later(self, collection: _Collection) -> bool:
        """Have the full look that is still due taken in its time; return whether there is one."""
        due = [each.seconds_to_full_look(collection.lease_id) for each in collection.workspaces]
        waits = [seconds for seconds in due if seconds is not None]
        if waits:
            collection.follows_report, collection.has_looked = True, False
            self._crew.add(partial(self._collect, collection), after_seconds=max(waits))
        return bool(waits)

    def _deliver(self, collection: _Collection) -> None:
        while collection.found:
            batch = _batch(collection.found)
            self._deliver_batch(collection, batch)
            collection.read_count += len(batch)
            del collection.found[: len(batch)]

    def _deliver_batch(self, collection: _Collection, batch: list[tuple[Workspace, str, Stamp]]) -> None:
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
        answer = self._link.note_files(
            lease_id, NoteFilesRequest(node=self._node, files=noted, contents=list(small.values()))
        )
        sent = {digest: self._send(lease_id, *places[digest]) for digest in answer.missing if digest in places}
        again = [_with(file, sent[file.digest]) for file in noted if file.digest is not None and file.digest in sent]
        if again:
            self._link.note_files(lease_id, NoteFilesRequest(node=self._node, files=again))

    def _read(
        self, workspace: Workspace, path: str, stamp: Stamp, take: Callable[[bytes], object], *, is_wanted: bool
    ) -> NotedFile | None:
        """Return what there is to say of a file; None when it is gone."""
        file = NotedFile(
            path=contents.text_of(path),
            size_bytes=stamp.size_bytes,
            modified_at=contents.moment_of(stamp.mtime_ns),
            place=workspace.place,
        )
        reason = contents.why_no_content(stamp.mode)
        if reason is None and not is_wanted:
            reason = f"more than {self._limits.files} files (TITAN_COLLECT_FILES)"
        if reason is not None:
            return msgspec.structs.replace(file, reason=reason)
        try:
            content = read_content(workspace.top, f"{workspace.path}/{path}", take, limit_bytes=self._limits.file_bytes)
        except Vanished:
            return None
        except Unreadable as why:
            return msgspec.structs.replace(file, reason=str(why))
        return msgspec.structs.replace(
            file, digest=content.digest, size_bytes=content.size_bytes, modified_at=content.modified_at
        )

    def _send(self, lease_id: str, workspace: Workspace, path: str) -> contents.Content | str:
        """Send a content, from a copy that no job can change; return what was sent, or why nothing was."""
        try:
            with NamedTemporaryFile(dir=self._folder) as copy:
                whole = f"{workspace.path}/{path}"
                content = read_content(workspace.top, whole, copy.write, limit_bytes=self._limits.file_bytes)
                copy.flush()
                self._link.send_content(lease_id, content.digest, Path(copy.name))
                return content
        except Vanished:
            return "it vanished while it was read"
        except Unreadable as why:
            return str(why)
        except TooLarge as refusal:
            return f"the server takes {refusal.expected}"
        except InvalidInput as refusal:  # not what its digest says: this machine or the line damages content
            return f"the server refused it: {refusal.found}"
        except OSError as cause:  # of the copy: a full disk here
            return f"it could not be copied: {cause.strerror or cause}"

    def _give_up(self, collection: _Collection) -> None:
        self._hand_on(collection)
        self._close(collection)

    def _hand_on(self, collection: _Collection) -> bool:
        """Have an attempt reported, once; return whether it was now."""
        with self._reporting:
            if collection.is_reported or collection.ended is None:
                return False
            collection.is_reported = True
        self._report(collection.ended)
        return True

    def _close(self, collection: _Collection) -> None:
        for workspace in collection.workspaces:
            workspace.close(collection.lease_id)
        self._collections.pop(collection.lease_id, None)
        self._forget(collection.lease_id)


class _SmallContent:
    """Keeps a content that is small enough to travel with its note."""

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
    """Return the first files: as many as are noted at once, and not much more than 64 MiB."""
    size_bytes = 0
    for number, (_, _, stamp) in enumerate(found[:MAX_NOTED_FILES]):
        if size_bytes >= BATCH_BYTES:
            return found[:number]
        size_bytes += stamp.size_bytes
    return found[:MAX_NOTED_FILES]


def _with(file: NotedFile, sent: contents.Content | str) -> NotedFile:
    """Return the file as its content was sent: it may have changed since it was noted."""
    if isinstance(sent, str):
        return msgspec.structs.replace(file, digest=None, reason=sent)
    return msgspec.structs.replace(file, digest=sent.digest, size_bytes=sent.size_bytes, modified_at=sent.modified_at)
