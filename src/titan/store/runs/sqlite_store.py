"""The run store in one SQLite file: a writer thread, a reader per calling thread, and secure deletion."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import apsw

from titan.model.errors import StoreError
from titan.ports.runs_store import CallCommit, CallReader, CallTransaction
from titan.ports.runtime import Clock
from titan.store.folders import errors_translated, make_folder
from titan.store.queries import SQL_FOLDER, SQLITE, load_queries, load_schema
from titan.store.runs.reader import SqlCallReader
from titan.store.runs.rows import FRAGMENTS
from titan.store.runs.tapes import KnownTexts
from titan.store.runs.transaction import TO_SCRUB, SqlCallTransaction
from titan.store.session import Listeners, Readers, closed
from titan.store.sqlite import opening
from titan.store.sqlite.session import BUSY_MS, Checkpoints, SqliteReadingThread, SqliteSession, translated

T = TypeVar("T")

QUERIES: Final = load_queries(SQL_FOLDER / "calls" / "queries", fragments=FRAGMENTS, dialect=SQLITE)
#: 16 KB pages: rows here are long.
CALLS: Final = opening.Kind(schema=load_schema(SQL_FOLDER / "calls" / "sqlite"), queries=QUERIES, page_bytes=16384)
_CACHE_KIB: Final = 32 * 1024
_WAL_PAGES: Final = 4000  # 64 MiB: what is written again and again goes into the file less often
_READER_CACHE_KIB: Final = 8 * 1024

_LOG: Final = "log"  # in the note TO_SCRUB: deleted content is left in the pages of the log alone
_PAGES: Final = 128  # of the index of words, merged at once: about 50 ms, and nobody waits longer than that
_BUSY_MS: Final = 200  # for those who read the log; whoever reads longer leaves it to the next time

logger = logging.getLogger(__name__)


class SqliteCallStore:
    """Implements `titan.ports.runs_store.CallStore`. Whoever opens it owns the home: `SqliteStore` holds its lock."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Open the database at `path`, or make it, readable by its owner only.

        Raises:
            StoreDamaged, SchemaMismatch: it cannot be used, and was left as it is.
            StoreFull, StoreUnavailable: it could not be opened or made.
        """
        self._path = path.absolute()
        self._subject = f"store {self._path}"
        self._clock = clock
        self._listeners: Listeners[CallCommit] = Listeners(self._subject)
        self._texts = KnownTexts()
        self._readers = Readers(self._new_reader, self._subject)
        with errors_translated(self._subject):
            make_folder(self._path.parent)
            self._session = self._open()
        self._checkpoints = Checkpoints(self._session.connection, self._path, pages=_WAL_PAGES)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="calls-writer")
        self._scrubber = Scrubber(self._session, later=self._writer.submit, subject=self._subject)
        self._writer.submit(self._scrubber.begin)

    def _open(self) -> SqliteSession:
        try:
            opening.check(self._path, CALLS)
            session = opening.open_to_write(self._path, now=self._clock.now(), kind=CALLS)
        except apsw.Error as error:
            raise translated(error, self._path) from error
        session.pragma("cache_size", -_CACHE_KIB)
        session.pragma("temp_store", "memory")  # each page that a statement changes is kept, in case it fails
        session.pragma("secure_delete", "on")  # a run that is deleted leaves nothing on the disk
        return session

    def transact(self, decide: Callable[[CallTransaction], T], *, is_durable: bool = True) -> Future[T]:
        try:
            return self._writer.submit(self._transact, decide, is_durable)
        except RuntimeError:
            refused: Future[T] = Future()
            refused.set_exception(closed(self._subject))
            return refused

    def read(self, query: Callable[[CallReader], T]) -> T:
        return self._readers.mine().read(query)

    def pack(self, *, before: datetime, limit: int) -> int:
        packed = self._readers.mine().read(lambda reader: reader.packed(before=before, limit=limit))
        for run in packed:
            self._writer.submit(self._transact, partial(SqlCallTransaction.write_packed, packed=run), True).result()
        return len(packed)

    def scrub(self) -> Future[bool]:
        asked: Future[bool] = Future()
        try:
            self._writer.submit(self._scrubber.begin, asked)
        except RuntimeError:
            asked.set_exception(closed(self._subject))
        return asked

    def listen(self, listener: Callable[[CallCommit], None]) -> None:
        self._listeners.add(listener)

    def close(self) -> None:
        self._writer.shutdown(wait=True)
        self._checkpoints.close()
        if self._readers.close():
            self._session.connection.close()

    # --- on the writer's thread ---

    def _transact(self, decide: Callable[[SqlCallTransaction], T], is_durable: bool) -> T:
        execute = self._session.connection.execute
        if not is_durable:
            execute("pragma synchronous = normal")
        try:
            execute("begin immediate")
            transaction = SqlCallTransaction(self._session, self._clock.now(), self._texts)
            result = decide(transaction)
            execute("commit")
        except BaseException as error:
            self._texts.clear()
            if self._session.connection.in_transaction:
                execute("rollback")
            if isinstance(error, apsw.Error):
                raise self._translated(error) from error
            raise
        finally:
            if not is_durable:
                execute("pragma synchronous = full")
        self._texts.trim()
        self._publish(transaction)
        if transaction.has_forgotten:
            self._scrubber.note_forgotten()
        return result

    def _translated(self, error: apsw.Error) -> Exception:
        meant = translated(error, self._path, system_errno=self._session.connection.system_errno)
        if isinstance(meant, StoreError):
            logger.error("%s: a transaction was not kept: %s", self._subject, error)
        return meant

    def _publish(self, transaction: SqlCallTransaction) -> None:
        if not transaction.touched:
            return
        commit = CallCommit(runs=frozenset(transaction.touched), version=transaction.version)
        self._listeners.notify(commit)

    def _new_reader(self) -> SqliteReadingThread[SqlCallReader]:
        try:
            session = SqliteSession(self._path, flags=apsw.SQLITE_OPEN_READONLY, queries=QUERIES)
            session.pragma("cache_size", -_READER_CACHE_KIB)
            return SqliteReadingThread(self._path, session, SqlCallReader(session))
        except apsw.Error as error:
            raise translated(error, self._path) from error


class Scrubber:
    """Removes deleted content from the disk: words from the index's pages, then pages from the write-ahead log.

    It works on the writer's thread in short steps, so that transactions come in between. A note in the store says what
    is left to do, so that the next process finishes it.
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
        elif noted[0] == _LOG:
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
            self._session.run("set_meta", {"name": TO_SCRUB, "value": _LOG})
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
