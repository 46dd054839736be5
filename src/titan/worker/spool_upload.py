"""Uploads what jobs recorded and could not deliver themselves, because the server was away or they were killed.

A job's SDK keeps that in a folder of the attempt's, which it makes only when it needs it.
"""

import logging
import shutil
from functools import partial
from pathlib import Path

from titan.worker.server_client import ServerAway, ServerClient
from titan.worker.threads import ThreadPool
from titan_sdk.recording.delivery import Answer, Verdict, deliver_folder, verdict_of

logger = logging.getLogger(__name__)


class SpoolUploader:
    """The spool folders of attempts, uploaded on threads of a pool; those of an earlier worker too."""

    def __init__(self, server: ServerClient, folder: Path, *, pool: ThreadPool) -> None:
        """All lie below `folder`."""
        self._server = server
        self._folder = folder
        self._pool = pool

    def start(self) -> None:
        """Have uploaded what an earlier worker left."""
        for path in sorted(self._folder.iterdir()) if self._folder.is_dir() else ():
            self.upload(path.name)

    def folder_of(self, lease_id: str) -> Path:
        """Return where an attempt may leave what it recorded."""
        return self._folder / lease_id

    def upload(self, lease_id: str) -> None:
        """Have uploaded what an ended attempt left, if anything. What is not delivered stays for the next worker."""
        if self.folder_of(lease_id).is_dir():
            self._pool.add(partial(self._deliver, lease_id))

    def _deliver(self, lease_id: str) -> None:
        folder = self.folder_of(lease_id)
        try:
            done = deliver_folder(str(folder), partial(self._post, lease_id))
        except OSError as error:  # the pool repeats it
            raise ServerAway(f"recorded actions cannot be read: {error}") from error
        if done.refusals:
            logger.warning("lease %s: %d recorded entries are lost: %s", lease_id, len(done.refusals), done.refusals[0])
        if not done.is_all:  # the pool repeats it
            raise ServerAway("recorded actions wait")
        shutil.rmtree(folder, ignore_errors=True)

    def _post(self, lease_id: str, body: bytes, _within_seconds: float) -> Answer:
        try:
            status = self._server.record(lease_id, body)
        except ServerAway as reason:
            logger.debug("lease %s: %s", lease_id, reason)
            return Answer(Verdict.AWAY)
        if verdict_of(status) is Verdict.TAKEN:
            return Answer(Verdict.TAKEN)
        return Answer(Verdict.REFUSED, f"HTTP {status}")  # as of a lease that nobody knows: the entries have no run
