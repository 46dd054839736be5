"""The job store in one SQLite file: a writer thread, and a reader per calling thread."""

import os
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import apsw

from titan.ports.jobs_store import Commit, Reader, Transaction
from titan.ports.runtime import Clock
from titan.store.folders import errors_translated, lock, make_folder
from titan.store.reader import SqlReader
from titan.store.session import Listeners, Readers
from titan.store.sqlite import opening
from titan.store.sqlite.session import SqliteReadingThread, SqliteSession, translated
from titan.store.transaction import SqlTransaction
from titan.store.writer import Writer

T = TypeVar("T")


class SqliteStore:
    """Implements `titan.ports.jobs_store.Store`; its docstrings are there."""

    server_id = ""
    is_in_charge = True

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Open the database at `path`, or make it, readable by its owner only.

        Raises:
            StoreInUse: another server owns it.
            StoreDamaged, SchemaMismatch: it cannot be used, and was left as it is.
            StoreFull, StoreUnavailable: it could not be opened or made.
        """
        self._path = path.absolute()
        self._readers = Readers(self._new_reader, f"store {self._path}")
        self._listeners: Listeners[Commit] = Listeners(f"store {self._path}")
        with errors_translated(f"store {self._path}"):
            make_folder(self._path.parent)
            self._lock_descriptor = lock(self._path)
            try:
                self._session, self._writer = self._open(clock)
            except BaseException:
                os.close(self._lock_descriptor)
                raise

    def _open(self, clock: Clock) -> tuple[SqliteSession, Writer]:
        try:
            opening.check(self._path)
            session = opening.open_to_write(self._path, now=clock.now())
            return session, Writer(SqliteDatabase(session, self._path), clock=clock, notify=self._listeners.notify)
        except apsw.Error as error:
            raise translated(error, self._path) from error

    def transact(self, decide: Callable[[Transaction], T]) -> Future[T]:
        return self._writer.submit(decide)

    def read(self, query: Callable[[Reader], T]) -> T:
        return self._readers.mine().read(query)

    async def look(self, query: Callable[[Reader], T]) -> T:
        return self.read(query)

    def listen(self, listener: Callable[[Commit], None]) -> None:
        self._listeners.add(listener)

    def close(self) -> None:
        self._writer.finish()
        if not self._readers.close():
            return
        self._session.connection.close()  # the last one: SQLite then folds the -wal into the file
        os.close(self._lock_descriptor)

    def _new_reader(self) -> SqliteReadingThread[Reader]:
        try:
            session = SqliteSession(self._path, flags=apsw.SQLITE_OPEN_READONLY)
            return SqliteReadingThread(self._path, session, SqlReader(session))
        except apsw.Error as error:
            raise translated(error, self._path) from error


class SqliteDatabase:
    """Implements `titan.store.writer.Database` on the file that this process owns."""

    def __init__(self, session: SqliteSession, path: Path) -> None:
        self._session = session
        self.subject = f"store {path}"
        self._connection = session.connection
        self._execute = session.connection.execute
        self._path = path
        self._last_seq = SqlReader(session).last_seq()
        self._changes_before = 0
        self._has_changed = False

    def begin(self) -> int:
        self._has_changed = False
        self._execute("begin immediate")
        return self._last_seq

    def begin_decision(self) -> None:
        self._execute("savepoint decision")
        self._changes_before = self._connection.total_changes()

    def transaction(self, now: datetime, *, last_seq: int) -> SqlTransaction:
        return SqlTransaction(self._session, now, last_seq=last_seq)

    def end_decision(self) -> None:
        self._execute("release decision")
        self._has_changed |= self._connection.total_changes() != self._changes_before

    def undo_decision(self) -> bool:
        if not self._connection.in_transaction:
            return False  # a full disk makes SQLite take back the whole transaction by itself
        self._execute("rollback to decision")
        self._execute("release decision")
        return True

    def commit(self, commit: Commit) -> bool:
        self._execute("commit")
        self._last_seq += len(commit.entries)
        return self._has_changed

    def roll_back(self) -> None:
        if self._connection.in_transaction:
            self._execute("rollback")

    def translated(self, error: BaseException) -> BaseException:
        if not isinstance(error, apsw.Error):
            return error
        return translated(error, self._path, system_errno=self._connection.system_errno)
