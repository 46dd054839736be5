"""What was deleted taken off the disk: words out of the pages of their index, then pages out of the log of changes."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

import apsw

from titan.store.sqlite.session import BUSY_MS, SqliteSession

TO_SCRUB: Final = "words_to_scrub"  # the note that says what of forgotten runs may still stand on the disk
WORDS: Final = "1"  # words in the pages of the index, and pages in the log
LOG: Final = "log"  # pages in the log alone
_PAGES: Final = 128  # of the index of words, merged at once: about 50 ms, and nobody waits longer than that
_BUSY_MS: Final = 200  # for those who read the log; whoever reads longer leaves it to the next time

logger = logging.getLogger(__name__)


class Scrubber:
    """Works on the thread of a store's writer, part by part, so that those who wait come in between.

    What is left to do stands in a note in the store: what a process did not finish, the next one does.
    """

    def __init__(self, session: SqliteSession, *, later: Callable[[Callable[[], None]], object], subject: str) -> None:
        """`later` calls a function on the same thread after what waits there; RuntimeError when that has ended."""
        self._session = session
        self._later = later
        self._subject = subject
        self._is_at_work = False
        self._is_more_forgotten = False  # since the merging began: what came after may not be part of it
        self._asked: list[Future[bool]] = []

    def begin(self, asked: Future[bool] | None = None) -> None:
        """Begin, unless it is at work; `asked` learns whether nothing of what was deleted is left."""
        self._asked += [asked] if asked is not None else []
        if not self._is_at_work:
            self._is_at_work = True
            self._attempt(self._go_on)

    def note_forgotten(self) -> None:
        """Begin, or begin anew when what is at work is done."""
        self._is_more_forgotten = True
        self.begin()

    def _go_on(self) -> None:
        noted = self._session.one("note", name=TO_SCRUB)
        if noted is None:
            self._end(is_clean=True)
        elif noted[0] == LOG:
            self._empty_log()
        else:
            self._is_more_forgotten = False
            self._merge(-_PAGES)  # negative: all of the index, not only what is due

    def _merge(self, pages: int) -> None:
        connection = self._session.connection
        before = connection.total_changes()
        self._session.run("merge_words", {"pages": pages})
        if connection.total_changes() - before >= 2:  # https://sqlite.org/fts5.html#the_merge_command
            self._later(lambda: self._attempt(lambda: self._merge(_PAGES)))
        elif self._is_more_forgotten:
            self._later(lambda: self._attempt(self._go_on))
        else:
            self._session.run("set_meta", {"name": TO_SCRUB, "value": LOG})
            self._empty_log()

    def _empty_log(self) -> None:
        """Write all pages of the log into the file and cut it off, unless a reader still looks at an older state."""
        connection = self._session.connection
        connection.set_busy_timeout(_BUSY_MS)
        try:  # what is busy says so in its answer: https://sqlite.org/pragma.html#pragma_wal_checkpoint
            [(is_busy, _, _)] = connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        finally:
            connection.set_busy_timeout(BUSY_MS)
        if is_busy:
            logger.info("%s: bytes of deleted runs stay in its log while somebody reads it", self._subject)
        else:
            self._session.run("drop_meta", {"name": TO_SCRUB})
        self._end(is_clean=not is_busy)

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except apsw.Error as error:
            logger.warning("%s: what is left of deleted runs is taken off the disk later: %s", self._subject, error)
            self._end(is_clean=False)
        except RuntimeError:
            logger.info("%s: what is left of deleted runs goes when it is opened again", self._subject)
            self._end(is_clean=False)

    def _end(self, *, is_clean: bool) -> None:
        self._is_at_work = False
        asked, self._asked = self._asked, []
        for one in asked:
            one.set_result(is_clean)
