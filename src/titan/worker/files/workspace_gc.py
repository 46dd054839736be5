"""Deletes old workspaces: asks the server, now and then, which of the idle ones belong to what is long over."""

import logging
import threading
import time
from itertools import islice
from typing import Final

from titan.wire.protocol import MAX_WORKSPACES_ASKED, WorkspacesRequest
from titan.worker.files.folders import AttemptFolders
from titan.worker.server_client import Link
from titan_sdk.errors import TitanError

logger = logging.getLogger(__name__)

TIDY_SECONDS: Final = 600.0
IDLE_SECONDS: Final = 3600.0  # younger ones are not worth a question: the shortest retention is a day


class Tidying:
    """Keeps a worker's disk from filling up. One thread's; the attempts go on beside it."""

    def __init__(
        self, link: Link, folders: AttemptFolders, *, closing: threading.Event, every_seconds: float = TIDY_SECONDS
    ) -> None:
        self._link = link
        self._folders = folders
        self._closing = closing
        self._every_seconds = every_seconds

    def step(self) -> None:
        """Wait, then ask about the workspaces that have been idle for an hour, and delete those that may go.

        One that an attempt has used since it was asked about stays: its run may have begun anew.

        Raises:
            ServerAway: see there.
        """
        if self._closing.wait(self._every_seconds):
            return
        now = time.time()
        idle = {name: at for name, at in self._folders.idle_workspaces().items() if now - at >= IDLE_SECONDS}
        names = iter(sorted(idle))
        while page := list(islice(names, MAX_WORKSPACES_ASKED)):
            for name in self._old({name: now - idle[name] for name in page}):
                self._delete(name, idle.get(name))

    def _delete(self, name: str, last_use: float | None) -> None:
        try:
            if last_use is not None and self._folders.delete_workspace(name, last_use=last_use):
                logger.info("deleted the workspace %s", name)
        except OSError as cause:
            logger.warning("the workspace %s cannot be deleted: %s", name, cause)

    def _old(self, idle_seconds: dict[str, float]) -> list[str]:
        try:
            return self._link.old_workspaces(WorkspacesRequest(idle_seconds=idle_seconds)).old
        except TitanError as refusal:
            logger.debug("nothing is deleted, for the server is of an older version: %s", refusal)
            return []
