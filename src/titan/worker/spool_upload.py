"""Brings to the server what jobs recorded and could not deliver themselves: it was away, or they were killed.

A job's SDK keeps that in a folder of the attempt's, which it makes only when it needs it. What an earlier worker did
not deliver is delivered, too.
"""

import logging
import shutil
import threading
from collections import deque
from functools import partial
from pathlib import Path

from titan.worker.server_client import Link, ServerAway
from titan_sdk.recording.delivery import Answer, Verdict, deliver_folder, verdict_of

logger = logging.getLogger(__name__)


class Spools:
    """The folders that attempts may leave. `step` belongs to one thread; the others never wait for it."""

    def __init__(self, link: Link, folder: Path) -> None:
        """All lie below `folder`."""
        self._link = link
        self._folder = folder
        self._waiting = deque(sorted(path.name for path in folder.iterdir()) if folder.is_dir() else [])
        self._changed = threading.Condition()
        self._is_closed = False

    def folder_of(self, lease_id: str) -> Path:
        """Return where an attempt may leave what it recorded."""
        return self._folder / lease_id

    def ended(self, lease_id: str) -> None:
        """Take over what an attempt left whose processes are gone."""
        if self.folder_of(lease_id).is_dir():
            with self._changed:
                self._waiting.append(lease_id)
                self._changed.notify_all()

    def step(self) -> None:
        """Wait for an attempt that left something, and deliver it all.

        Raises:
            ServerAway: see there; it is delivered with a later step.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if not self._waiting:
                return
            lease_id = self._waiting[0]
        try:
            self._deliver(lease_id)
        except ServerAway:
            with self._changed:
                self._waiting.rotate(-1)  # a server that fails over this one may take the others
            raise
        self._waiting.popleft()

    def close(self) -> None:
        """Let a waiting step return. What is not delivered stays for the next worker in this folder."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _deliver(self, lease_id: str) -> None:
        folder = self.folder_of(lease_id)
        done = deliver_folder(str(folder), partial(self._post, lease_id))
        if done.refusals:
            logger.warning("lease %s: %d recorded entries are lost: %s", lease_id, len(done.refusals), done.refusals[0])
        if not done.is_all:  # the pause between steps is the worker's
            raise ServerAway("recorded actions wait")
        shutil.rmtree(folder, ignore_errors=True)

    def _post(self, lease_id: str, body: bytes, _within_seconds: float) -> Answer:
        try:
            status = self._link.record(lease_id, body)
            # Another answer comes of a lease that nobody knows: its entries are of no run.
            is_taken = verdict_of(status) is Verdict.TAKEN
            return Answer(Verdict.TAKEN) if is_taken else Answer(Verdict.REFUSED, f"HTTP {status}")
        except ServerAway as reason:
            logger.debug("lease %s: %s", lease_id, reason)
            return Answer(Verdict.AWAY)
