"""Brings the pages of a database's log into its file beside the writer, who would stand still meanwhile.

SQLite does it in the commit that makes the log long enough, and whoever waits for that commit waits until the file is
synced, too. Here a thread does it while the writer goes on. What is written meanwhile is left to the writer, for the
log begins anew only when all of it is in the file: https://sqlite.org/wal.html#checkpointing
"""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

import apsw

_ROUNDS: Final = 2  # what is written during the first is little, and what during the second next to nothing

logger = logging.getLogger(__name__)


class Checkpoints:
    """The log of a database that one connection writes to."""

    def __init__(self, writer: apsw.Connection, path: Path, *, pages: int) -> None:
        """Do in SQLite's place what follows a commit that makes the log `pages` long, or longer."""
        self._path = path
        self._pages = pages
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._under_way: Future[None] | None = None
        writer.set_wal_hook(self._committed)

    def close(self) -> None:
        """Finish what is under way; to be called when the writer commits no more. May be called twice."""
        self._thread.shutdown(wait=True)

    def _committed(self, writer: apsw.Connection, _database: str, pages: int) -> int:
        """Called by SQLite on the writer's thread, after each commit."""
        if pages >= self._pages:
            if self._under_way is None:
                self._under_way = self._thread.submit(self._bring_in_most)
            elif self._under_way.done():
                self._under_way = None
                _bring_in(writer)
        return apsw.SQLITE_OK

    # --- on the thread ---

    def _bring_in_most(self) -> None:
        try:
            with closing(apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
                for _ in range(_ROUNDS):
                    _bring_in(connection)
        except apsw.Error as error:
            logger.warning("%s: its log could not be opened beside its writer: %s", self._path, error)


def _bring_in(connection: apsw.Connection) -> None:
    """Write what no reader holds back. What cannot be written stays in the log, which the next commit tries again."""
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    except apsw.Error as error:
        logger.info("a log of changes stays as long as it is for now: %s", error)
