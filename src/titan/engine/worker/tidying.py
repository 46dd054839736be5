"""Deletes old workspaces: asks the server, now and then, which of the idle ones belong to what is long over."""

import logging
import threading
from itertools import islice
from typing import Final

from titan.engine.protocol import MAX_WORKSPACES_ASKED, WorkspacesRequest
from titan.engine.worker.folders import AttemptFolders
from titan.engine.worker.link import Link
from titan_sdk.errors import TitanError

logger = logging.getLogger(__name__)

TIDY_SECONDS: Final = 600.0
IDLE_SECONDS: Final = 60.0  # younger ones are not worth asking about: the shortest retention is a day


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
        """Wait, then ask about the longest idle workspaces, and delete those that may go.

        One that an attempt has used since it was asked about stays: its run may have begun anew.

        Raises:
            ServerAway: see there.
        """
        if self._closing.wait(self._every_seconds):
            return
        idle = {name: seconds for name, seconds in self._folders.idle_workspaces().items() if seconds >= IDLE_SECONDS}
        asked = dict(islice(idle.items(), MAX_WORKSPACES_ASKED))
        for name in self._old(asked) if asked else ():
            try:
                if name in asked and self._folders.delete_workspace(name, idle_seconds=asked[name]):
                    logger.info("deleted the workspace %s, unused for %.0f h", name, asked[name] / 3600)
            except OSError as cause:
                logger.warning("the workspace %s cannot be deleted: %s", name, cause)

    def _old(self, asked: dict[str, float]) -> list[str]:
        try:
            return self._link.old_workspaces(WorkspacesRequest(idle_seconds=asked)).old
        except TitanError as refusal:
            logger.debug("nothing is deleted, for the server is of an older version: %s", refusal)
            return []
