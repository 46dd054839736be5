"""Takes in what the server assigns: each attempt once, and not before its script or archive is here."""

import threading
from collections.abc import Sequence
from functools import partial

from titan.model.errors import InvalidInput
from titan.wire.protocol import Assignment
from titan.worker.blob_cache import BlobCache
from titan.worker.files.folders import AttemptFolders
from titan.worker.leases import Leases
from titan.worker.mailbox import AttemptsAssigned, Mailbox, ScriptMissed
from titan.worker.threads import ThreadPool
from titan_sdk.errors import TitanError


class Intake:
    """Passes assignments on to the supervisor. Used from each thread that receives answers of the server."""

    def __init__(
        self,
        leases: Leases,
        mailbox: Mailbox,
        blobs: BlobCache,
        folders: AttemptFolders,
        *,
        pool: ThreadPool,
        closing: threading.Event,
    ) -> None:
        """Fetch and unpack on threads of `pool`."""
        self._leases = leases
        self._mailbox = mailbox
        self._blobs = blobs
        self._folders = folders
        self._pool = pool
        self._closing = closing
        self._unprepared: set[str] = set()

    def take(self, assignments: Sequence[Assignment]) -> bool:
        """Hold the leases of these attempts and pass them on; return whether any was new.

        A worker that ends takes nothing more: the server gets it back when the worker leaves.
        """
        if self._closing.is_set() or not assignments:
            return False
        fresh = set(self._leases.take(assignment.lease_id for assignment in assignments))
        self._pass_on([assignment for assignment in assignments if assignment.lease_id in fresh])
        return bool(fresh)

    def unprepared(self) -> list[str]:
        """Return the leases of attempts whose script or archive is not here yet."""
        return list(self._unprepared)

    def _pass_on(self, assignments: list[Assignment]) -> None:
        """Post the attempts that can start at once, and have fetched what the others lack.

        When this raises, those that were not passed on are no longer held, so the next claim brings them again.
        """
        ready = {assignment.lease_id: assignment for assignment in assignments}
        try:
            for assignment in assignments:
                if assignment.archive is not None or self._blobs.script(assignment.script) is None:
                    self._unprepared.add(assignment.lease_id)
                    self._pool.add(partial(self._prepare, assignment))
                    del ready[assignment.lease_id]
            if ready:
                self._mailbox.post(AttemptsAssigned(assignments=tuple(ready.values())))
        except BaseException:
            self._leases.drop(ready)
            raise

    def _prepare(self, assignment: Assignment) -> None:
        """Fetch an attempt's script, or fetch and unpack its archive, and pass the attempt on.

        Raises:
            ServerAway: see there; may be repeated.
        """
        lease_id, archive = assignment.lease_id, assignment.archive
        if lease_id not in self._leases:
            self._unprepared.discard(lease_id)
            return
        try:
            if archive is not None:
                self._folders.unpack(assignment, self._blobs.fetch(archive))
            else:
                self._blobs.fetch(assignment.script)
                self._blobs.script(assignment.script)  # into memory, for the supervisor
        except (TitanError, InvalidInput) as cause:
            what = f"script {assignment.script}" if archive is None else f"archive {archive}"
            self._mailbox.post(ScriptMissed(assignment=assignment, why=f"{what}: {cause}"))
        except OSError as cause:  # a full disk, for instance: another worker may do better
            self._mailbox.post(ScriptMissed(assignment=assignment, why=str(cause), is_machine_at_fault=True))
        else:
            self._mailbox.post(AttemptsAssigned(assignments=(assignment,)))
        self._unprepared.discard(lease_id)
