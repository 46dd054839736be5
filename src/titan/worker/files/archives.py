"""Unpacks the archives of jobs, off the threads that others wait for: fetched once, unpacked for each attempt anew."""

import hashlib
import os
import threading
from pathlib import Path
from typing import Final

from titan.model.errors import InvalidInput
from titan.wire.protocol import Assignment
from titan.worker.files.folders import AttemptFolders
from titan.worker.leases import Leases
from titan.worker.mailbox import AttemptsAssigned, Inbox, ScriptMissed
from titan.worker.server_client import Link
from titan.worker.thread_pool import Crew
from titan_sdk.errors import TitanError

MAX_KEPT_BYTES: Final = 2 * 1024**3  # of zips on disk; the one in use stays in any case
CHUNK_BYTES: Final = 1024 * 1024


class Archives:
    """The zips in one folder, and the attempts that wait for theirs."""

    def __init__(
        self, link: Link, folder: Path, *, folders: AttemptFolders, inbox: Inbox, leases: Leases, crew: Crew
    ) -> None:
        """Keep zips in `folder`, made if needed, and unpack them on threads of `crew`."""
        self._link = link
        self._folder = folder
        self._folders = folders
        self._inbox = inbox
        self._leases = leases
        self._crew = crew
        self._fetching: dict[str, threading.Lock] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def prepare(self, assignment: Assignment) -> None:
        """Have an attempt's archive unpacked, and then notify the supervisor that it can start."""
        self._crew.add(lambda: self._prepare(assignment))

    def _prepare(self, assignment: Assignment) -> None:
        """Unpack for one attempt.

        Raises:
            ServerAway: see there; may be repeated.
        """
        digest = assignment.archive or ""
        if assignment.lease_id not in self._leases:
            return
        try:
            self._folders.unpack(assignment, self._find(digest))
        except (TitanError, InvalidInput) as cause:
            self._inbox.post(ScriptMissed(assignment=assignment, why=f"archive {digest}: {cause}"))
        except OSError as cause:  # a full disk here: another worker may do better
            self._inbox.post(ScriptMissed(assignment=assignment, why=str(cause), is_here_at_fault=True))
        else:
            self._inbox.post(AttemptsAssigned(assignments=(assignment,)))

    def _find(self, digest: str) -> Path:
        """Return the zip of this digest, fetched if it is not here; attempts that want the same wait for one fetch."""
        path = self._folder / digest
        with self._fetching.setdefault(digest, threading.Lock()):
            if not path.is_file() or _digest_of(path) != digest:
                self._link.fetch_blob(digest, path)
                self._make_room(path)
        os.utime(path)  # the oldest leave first
        return path

    def _make_room(self, newest: Path) -> None:
        by_age = sorted((entry for entry in self._folder.iterdir() if entry != newest), key=_mtime, reverse=True)
        kept_bytes = newest.stat().st_size
        for zip_file in by_age:
            kept_bytes += zip_file.stat().st_size
            if kept_bytes > MAX_KEPT_BYTES:
                zip_file.unlink()


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mtime(path: Path) -> float:
    return path.stat().st_mtime
